"""Breaches of security or data, and what was done about them."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "ledger_breaches"
down_revision = "ledger_audits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "breach",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("summary", sa.String, nullable=False),
        sa.Column("scope", sa.String, nullable=False),
        sa.Column("policy", sa.String),
        sa.Column("policy_version", sa.String, nullable=False),
        sa.Column("detected_at", Moment, nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("recorded_by", sa.String, nullable=False),
        sa.Column("notify_by", Moment, nullable=False),
        sa.Column("contained_at", Moment),
        sa.Column("notified_at", Moment),
        sa.Column("closed_at", Moment),
    )
    op.create_index("breach_agency", "breach", ["agency_id", "detected_at"])
    op.create_table(
        "breach_step",
        sa.Column("breach_id", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("to", sa.String),
        sa.Column("note", sa.String, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("breach_step")
    op.drop_table("breach")
