"""When a dead letter's content was destroyed: in every service's database."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "common_0003"
down_revision = "common_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dead_letter", sa.Column("forgotten_at", Moment))


def downgrade() -> None:
    op.drop_column("dead_letter", "forgotten_at")
