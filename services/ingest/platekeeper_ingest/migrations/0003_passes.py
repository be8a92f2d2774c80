"""Passes whose reads came in versions."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "ingest_0003"
down_revision = "ingest_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edge_pass",
        sa.Column("read_id", sa.String, primary_key=True),
        sa.Column("device_id", sa.String, nullable=False),
        sa.Column("camera_id", sa.String, nullable=False),
        sa.Column("pass_id", sa.String, nullable=False),
        sa.Column("counted_at", Moment, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("edge_pass_name", "edge_pass", ["device_id", "camera_id", "pass_id"])
    op.create_index("edge_pass_counted", "edge_pass", ["counted_at"])


def downgrade() -> None:
    op.drop_table("edge_pass")
