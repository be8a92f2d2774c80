"""Who has accepted which version of the agency's policy."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_acceptances"
down_revision = "accounts_grants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_acceptance",
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("accepted_at", Moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("policy_acceptance")
