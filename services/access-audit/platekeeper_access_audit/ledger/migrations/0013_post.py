"""For which post the subject of a record acted."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_posts"
down_revision = "ledger_appending"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_record", sa.Column("post", sa.String))


def downgrade() -> None:
    op.drop_column("access_record", "post")
