"""Purge orders and their signatures."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_orders"
down_revision = "accounts_offices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "purge_order",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("schedule_item", sa.String, nullable=False),
        sa.Column("received_from", Moment, nullable=True),
        sa.Column("received_before", Moment, nullable=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("governing_body", sa.String, nullable=True),
        sa.Column("attorney_consent", sa.String, nullable=True),
        sa.Column("signed_by", sa.JSON, nullable=False),
        sa.Column("drafted_by", sa.String, nullable=False),
        sa.Column("drafted_at", Moment, nullable=False),
        sa.Column("policy_version", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("in_force_from", Moment, nullable=True),
        sa.Column("ends_at", Moment, nullable=True),
        sa.Column("revoked_at", Moment, nullable=True),
        sa.Column("revoked_by", sa.String, nullable=True),
    )
    op.create_table(
        "purge_signature",
        sa.Column("order_id", sa.String, sa.ForeignKey("purge_order.id"), primary_key=True),
        sa.Column("post", sa.String, primary_key=True),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("signed_at", Moment, nullable=False),
        sa.Column("delegation_id", sa.String, nullable=True),
    )


def downgrade() -> None:
    op.drop_table("purge_signature")
    op.drop_table("purge_order")
