"""Terminals, known devices, notices and recovery codes; where a session is, and why an account was disabled."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_terminals"
down_revision = "accounts_titles"
branch_labels = None
depends_on = None


def _of_account() -> "sa.Column[str]":
    account = sa.ForeignKey("account.id", ondelete="CASCADE")
    return sa.Column("account_id", sa.String, account, nullable=False, index=True)


def upgrade() -> None:
    op.add_column("account", sa.Column("disabled_because", sa.String, nullable=True))
    op.add_column("session", sa.Column("latitude", sa.Float, nullable=True))
    op.add_column("session", sa.Column("longitude", sa.Float, nullable=True))
    op.create_table(
        "terminal",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False, index=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("secret_sha256", sa.String, nullable=False),
        sa.Column("registered_at", Moment, nullable=False),
        sa.Column("latitude", sa.Float, nullable=True),
        sa.Column("longitude", sa.Float, nullable=True),
        sa.Column("retired_at", Moment, nullable=True),
    )
    op.create_table(
        "known_device",
        sa.Column("sha256", sa.String, primary_key=True),
        _of_account(),
        sa.Column("used_at", Moment, nullable=False),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.String, primary_key=True),
        _of_account(),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=True),
        sa.Column("terminal_id", sa.String, nullable=True),
    )
    op.create_table(
        "recovery_code",
        sa.Column("sha256", sa.String, primary_key=True),
        _of_account(),
        sa.Column("used_at", Moment, nullable=True),
    )


def downgrade() -> None:
    for table in ("recovery_code", "notice", "known_device", "terminal"):
        op.drop_table(table)
    for name in ("longitude", "latitude"):
        op.drop_column("session", name)
    op.drop_column("account", "disabled_because")
