"""Role grants."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_grants"
down_revision = "accounts_policy_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "role_grant",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False, index=True),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("proposed_by", sa.String, nullable=False),
        sa.Column("proposed_by_name", sa.String, nullable=False),
        sa.Column("proposed_at", Moment, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("confirmed_by", sa.String, nullable=True),
        sa.Column("confirmed_by_name", sa.String, nullable=True),
        sa.Column("settled_at", Moment, nullable=True),
    )


def downgrade() -> None:
    op.drop_table("role_grant")
