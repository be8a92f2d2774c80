"""Cameras are calibrated, and a device's changes counted."""

import sqlalchemy as sa
from alembic import op

revision = "ingest_0002"
down_revision = "ingest_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "device", sa.Column("version", sa.Integer, nullable=False, server_default="1", comment="counts the changes")
    )
    op.add_column("camera", sa.Column("heading", sa.Float))


def downgrade() -> None:
    op.drop_column("camera", "heading")
    op.drop_column("device", "version")
