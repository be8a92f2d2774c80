"""Months of access records whose keys were destroyed."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "ledger_expiry"
down_revision = "ledger_tampering"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "expired_month",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("month", sa.String, primary_key=True, comment="2026-11, in UTC"),
        sa.Column("expired_at", Moment, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False, comment="whose query elements went"),
        sa.Column("destroyed_at", Moment, comment="when the keys were gone; empty: they may be there still"),
    )


def downgrade() -> None:
    op.drop_table("expired_month")
