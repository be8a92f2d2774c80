"""Partial plates that were reported of incidents."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "hotlist_0005"
down_revision = "hotlist_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reported_partial",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("incident", sa.String, nullable=False),
        sa.Column("incident_type", sa.String, nullable=False),
        sa.Column("major", sa.Boolean, nullable=False),
        sa.Column("pattern", sa.String, nullable=False),
        sa.Column("reported_by", sa.String, nullable=False),
        sa.Column("reported_at", Moment, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("settled_by", sa.String),
        sa.Column("settled_at", Moment),
    )
    op.create_index("reported_partial_once", "reported_partial", ["agency_id", "incident", "pattern"], unique=True)


def downgrade() -> None:
    op.drop_table("reported_partial")
