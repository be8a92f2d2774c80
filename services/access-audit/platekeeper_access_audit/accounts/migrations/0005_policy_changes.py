"""Changes and versions of policies."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_policy_changes"
down_revision = "accounts_orders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_change",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False, index=True),
        sa.Column("base_version", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("differences", sa.JSON, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("proposed_by", sa.String, nullable=False),
        sa.Column("proposed_by_name", sa.String, nullable=False),
        sa.Column("proposed_at", Moment, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("settled_by", sa.String, nullable=True),
        sa.Column("settled_by_name", sa.String, nullable=True),
        sa.Column("settled_at", Moment, nullable=True),
    )
    op.create_table(
        "policy_version",
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("adopted_at", Moment, nullable=False),
        sa.Column("change_id", sa.String, nullable=True),
        sa.Column("proposed_by", sa.String, nullable=True),
        sa.Column("confirmed_by", sa.String, nullable=True),
        sa.Column("previous_sha256", sa.String, nullable=True),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("verifier_key", sa.String, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("policy_version")
    op.drop_table("policy_change")
