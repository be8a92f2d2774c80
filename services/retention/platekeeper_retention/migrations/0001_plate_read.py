"""The reads."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "retention_0001"
down_revision = None
branch_labels = ("retention",)
depends_on = None


def upgrade() -> None:
    live = op.get_bind().dialect.name == "postgresql"
    # A key of a partitioned table holds what it is partitioned by: the month of receipt comes with it (ADR 0022).
    month = [sa.Column("received_month", sa.Date, primary_key=True)] if live else []
    op.create_table(
        "plate_read",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("camera_id", sa.String, nullable=False),
        sa.Column("device_id", sa.String, nullable=False),
        sa.Column("plate", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("captured_at", Moment, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("live_until", Moment, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("model", sa.JSON, nullable=False),
        sa.Column("pass_id", sa.String),
        sa.Column("frame_id", sa.String),
        sa.Column("state", sa.String),
        sa.Column("candidates", sa.JSON, nullable=False),
        sa.Column("box", sa.JSON),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("heading", sa.Float),
        sa.Column("lane", sa.String),
        sa.Column("image", sa.JSON),
        sa.Column("crop", sa.JSON),
        sa.Column("retain_until", Moment, nullable=False),
        sa.Column("retention_clause", sa.String, nullable=False),
        sa.Column("schedule_item", sa.String, nullable=False),
        sa.Column("policy_version", sa.String, nullable=False),
        *month,
        postgresql_partition_by="LIST (agency_id)",
    )
    op.create_index("plate_read_by_plate", "plate_read", ["agency_id", "plate", "captured_at", "id"])


def downgrade() -> None:
    op.drop_table("plate_read")
