"""What of its frame a crop shows: at the rim less than around other plates."""

import sqlalchemy as sa
from alembic import op

revision = "retention_0008"
down_revision = "retention_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plate_read", sa.Column("crop_box", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("plate_read", "crop_box")
