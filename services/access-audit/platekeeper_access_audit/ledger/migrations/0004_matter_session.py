"""Under which matter session, for which patrol and at which terminal; whether the matter's number was owed."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0004"
down_revision = "ledger_0003"
branch_labels = None
depends_on = None

COLUMNS = ("matter_session", "unit", "shift", "context", "terminal")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("access_record", sa.Column(name, sa.String))
    op.add_column("access_record", sa.Column("number_pending", sa.Boolean))


def downgrade() -> None:
    for name in (*COLUMNS, "number_pending"):
        op.drop_column("access_record", name)
