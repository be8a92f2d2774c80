"""A read's state may be a guess, and then says how sure; the country too."""

import sqlalchemy as sa
from alembic import op

revision = "retention_0005_region"
down_revision = "retention_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plate_read", sa.Column("country", sa.String))
    op.add_column("plate_read", sa.Column("region_confidence", sa.Float))


def downgrade() -> None:
    op.drop_column("plate_read", "region_confidence")
    op.drop_column("plate_read", "country")
