"""Sessions and their refresh tokens; when an account was last used, and until when it is valid."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_sessions"
down_revision = "accounts_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("last_signed_on_at", Moment, nullable=True))
    op.add_column("account", sa.Column("valid_until", Moment, nullable=True))
    account = sa.ForeignKey("account.id", ondelete="CASCADE")
    op.create_table(
        "session",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("account_id", sa.String, account, nullable=False, index=True),
        sa.Column("agency_id", sa.String, nullable=False, index=True),
        sa.Column("began_at", Moment, nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.Column("acted_at", Moment, nullable=False),
        sa.Column("methods", sa.JSON, nullable=False),
        sa.Column("refresh_sha256", sa.String, nullable=False, unique=True),
        sa.Column("cookie", sa.Boolean, nullable=False),
        sa.Column("training_until", Moment, nullable=True),
        sa.Column("terminal_id", sa.String, nullable=True, index=True),
        sa.Column("terminal_kind", sa.String, nullable=True),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("ended_because", sa.String, nullable=True),
    )
    session = sa.ForeignKey("session.id", ondelete="CASCADE")
    op.create_table(
        "spent_refresh",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("session_id", sa.String, session, nullable=False, index=True),
    )


def downgrade() -> None:
    op.drop_table("spent_refresh")
    op.drop_table("session")
    op.drop_column("account", "valid_until")
    op.drop_column("account", "last_signed_on_at")
