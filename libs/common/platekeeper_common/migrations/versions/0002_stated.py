"""What a service last stated in public: in every service's database."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "common_0002"
down_revision = "common_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stated",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("section", sa.String, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("stated_at", Moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("stated")
