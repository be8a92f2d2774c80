"""Notes."""

import sqlalchemy as sa
from alembic import op

revision = "kiosk_0001"
down_revision = None
branch_labels = ("kiosk",)
depends_on = None


def upgrade() -> None:
    op.create_table("note", sa.Column("text", sa.String, primary_key=True))


def downgrade() -> None:
    op.drop_table("note")
