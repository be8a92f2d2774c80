"""Which service acted for the subject of a record, and by which approved request."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0003"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None

COLUMNS = ("actor", "authority")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("access_record", sa.Column(name, sa.String))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("access_record", name)
