"""Trusted issuers, logins through them, and who is known to them."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_issuers"
down_revision = "accounts_passkeys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issuer",
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), primary_key=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("client_secret", sa.LargeBinary, nullable=False, comment="wrapped by the key store"),
        sa.Column("username_claim", sa.String, nullable=False),
        sa.Column("second_factor_amr", sa.JSON, nullable=False),
        sa.Column("second_factor_acr", sa.JSON, nullable=False),
        sa.Column("passwords", sa.Boolean, nullable=False),
        sa.Column("registered_at", Moment, nullable=False),
    )
    named = "whom the issuer named; our second factor is missing"
    op.create_table(
        "issuer_login",
        sa.Column("state_sha256", sa.String, primary_key=True),
        sa.Column("browser_sha256", sa.String, nullable=False),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("nonce", sa.String, nullable=False),
        sa.Column("verifier", sa.LargeBinary, nullable=False, comment="wrapped by the key store"),
        sa.Column("expires_at", Moment, nullable=False, index=True),
        sa.Column("account_id", sa.String, nullable=True, comment=named),
        sa.Column("subject", sa.String, nullable=True),
    )
    account = sa.ForeignKey("account.id", ondelete="CASCADE")
    op.create_table(
        "issuer_link",
        sa.Column("account_id", sa.String, account, primary_key=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("linked_at", Moment, nullable=False),
    )


def downgrade() -> None:
    for table in ("issuer_link", "issuer_login", "issuer"):
        op.drop_table(table)
