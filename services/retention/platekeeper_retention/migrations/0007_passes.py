"""Reads of passes: how many frames were looked at, and whether the recogniser was still looking."""

import sqlalchemy as sa
from alembic import op

revision = "retention_0007"
down_revision = "retention_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plate_read", sa.Column("frames", sa.Integer))
    op.add_column("plate_read", sa.Column("preview", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("plate_read", "preview")
    op.drop_column("plate_read", "frames")
