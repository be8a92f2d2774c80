"""Terms of posts that lie ahead and keep their title; delegations."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_offices"
down_revision = "accounts_sessions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "post_term", sa.Column("title", sa.String, nullable=True, comment="of the post when the term was set")
    )
    op.add_column("post_term", sa.Column("set_by", sa.String, nullable=True, comment="account"))
    op.create_table(
        "delegation",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False, index=True),
        sa.Column("post", sa.String, nullable=False),
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("acts", sa.JSON, nullable=False),
        sa.Column("begins_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("given_by", sa.String, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("given_at", Moment, nullable=False),
        sa.Column("revoked_at", Moment, nullable=True),
    )


def downgrade() -> None:
    op.drop_table("delegation")
    op.drop_column("post_term", "set_by")
    op.drop_column("post_term", "title")
