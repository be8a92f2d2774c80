"""Whose hands an account went through, and the issuer that waits for a second person."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_second_persons"
down_revision = "accounts_vouched"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_hand",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False, index=True, comment="of the account"),
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("by", sa.String, nullable=False, comment="account"),
        sa.Column("act", sa.String, nullable=False),
        sa.Column("at", Moment, nullable=False),
    )
    op.create_table(
        "issuer_proposal",
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), primary_key=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("client_secret", sa.LargeBinary, nullable=False, comment="wrapped by the key store"),
        sa.Column("username_claim", sa.String, nullable=False),
        sa.Column("second_factor_amr", sa.JSON, nullable=False),
        sa.Column("second_factor_acr", sa.JSON, nullable=False),
        sa.Column("passwords", sa.Boolean, nullable=False),
        sa.Column("registered_at", Moment, nullable=False),
        sa.Column("id", sa.String, nullable=False, comment="another for each proposal"),
        sa.Column("proposed_by", sa.String, nullable=False, comment="account"),
        sa.Column("proposed_by_name", sa.String, nullable=False),
    )


def downgrade() -> None:
    for table in ("issuer_proposal", "account_hand"):
        op.drop_table(table)
