"""What witnesses say of the checkpoints."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "ledger_witnesses"
down_revision = "ledger_expiry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cosignature",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False, comment="of the checkpoint"),
        sa.Column("witness", sa.String, primary_key=True),
        sa.Column("at", Moment, nullable=False, comment="as the witness says"),
        sa.Column("line", sa.String, nullable=False),
        sa.Column("heard_at", Moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("cosignature")
