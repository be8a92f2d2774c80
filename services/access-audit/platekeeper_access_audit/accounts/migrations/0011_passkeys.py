"""Passkeys and their challenges."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_passkeys"
down_revision = "accounts_terminals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.String, primary_key=True, comment="the credential's id, base64url"),
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False, comment="COSE"),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("registered_at", Moment, nullable=False),
        sa.Column("used_at", Moment, nullable=True),
    )
    op.create_table(
        "passkey_challenge",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("account_id", sa.String, nullable=True, comment="nobody's at login"),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", Moment, nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("passkey_challenge", "passkey"):
        op.drop_table(table)
