"""Passes that frames may still be counted to."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "recognition_0001"
down_revision = None
branch_labels = ("recognition",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_pass",
        sa.Column("read_id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("camera_id", sa.String, nullable=False),
        sa.Column("first_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("counted_at", Moment, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("open_pass_of_camera", "open_pass", ["agency_id", "camera_id", "last_at"])
    op.create_index("open_pass_counted", "open_pass", ["counted_at"])


def downgrade() -> None:
    op.drop_table("open_pass")
