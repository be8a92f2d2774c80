"""Canvasses around crime scenes."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "retention_0004"
down_revision = "retention_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canvass",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("incident_number", sa.String, nullable=False),
        sa.Column("incident_type", sa.String, nullable=False),
        sa.Column("major", sa.Boolean, nullable=False),
        sa.Column("area", sa.JSON, nullable=False),
        sa.Column("captured_from", Moment, nullable=False),
        sa.Column("captured_to", Moment, nullable=False),
        sa.Column("opened_by", sa.String, nullable=False),
        sa.Column("opened_by_name", sa.String, nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("closes_at", Moment, nullable=False),
        sa.Column("over", sa.JSON, nullable=False),
        sa.Column("approved_by", sa.String),
        sa.Column("approved_by_name", sa.String),
        sa.Column("approved_at", Moment),
        sa.Column("closed_at", Moment),
    )
    op.create_index("canvass_by_closing", "canvass", ["agency_id", "closes_at"])


def downgrade() -> None:
    op.drop_table("canvass")
