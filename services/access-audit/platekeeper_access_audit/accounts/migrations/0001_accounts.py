"""Agencies, accounts, login attempts, posts, training certificates, device credentials."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_0001"
down_revision = None
branch_labels = ("accounts",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("ori", sa.String, nullable=False),
        sa.Column("time_zone", sa.String, nullable=False),
        sa.Column("profile", sa.String, nullable=False),
        sa.Column("policy_version", sa.String, nullable=False, comment="as last said in agency.changed"),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("mode_since", Moment, nullable=False),
        sa.Column("synthetic", sa.Boolean, nullable=False),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False, index=True, comment="an agency, or the platform itself"),
        sa.Column("username", sa.String, nullable=False, unique=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("synthetic", sa.Boolean, nullable=False),
        sa.Column("totp_secret", sa.LargeBinary, nullable=True, comment="wrapped by the key store"),
        sa.Column("totp_confirmed", sa.Boolean, nullable=False),
        sa.Column("totp_last_step", sa.BigInteger, nullable=False),
        sa.Column("disabled_at", Moment, nullable=True),
    )
    _create_login_attempt()
    _create_post_term()
    _create_training_certificate()
    op.create_table(
        "device_credential",
        sa.Column("device_id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("secret_sha256", sa.String, nullable=False),
        sa.Column("retired", sa.Boolean, nullable=False),
    )


def _create_login_attempt() -> None:
    digest = "keyed: people type passwords into the wrong field"
    op.create_table(
        "login_attempt",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("username_digest", sa.String, nullable=False, comment=digest),
        sa.Column("at", Moment, nullable=False, index=True),
        sa.Column("account_id", sa.String, nullable=True, comment="known once it has failed at an account"),
        sa.Column("failed", sa.Boolean, nullable=False),
    )
    op.create_index("login_attempt_by_username", "login_attempt", ["username_digest", "at"])


def _create_post_term() -> None:
    held = sa.text("held_until IS NULL")
    op.create_table(
        "post_term",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False),
        sa.Column("post", sa.String, nullable=False),
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("held_from", Moment, nullable=False),
        sa.Column("held_until", Moment, nullable=True),
    )
    op.create_index(
        "post_holder", "post_term", ["agency_id", "post"], unique=True, sqlite_where=held, postgresql_where=held
    )


def _create_training_certificate() -> None:
    op.create_table(
        "training_certificate",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False),
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("completed_on", sa.Date, nullable=False),
        sa.Column("valid_until", Moment, nullable=False),
        sa.Column("proof_sha256", sa.String, nullable=False),
        sa.Column("certified_by", sa.String, nullable=False),
        sa.Column("certified_at", Moment, nullable=False),
    )


def downgrade() -> None:
    for table in ("device_credential", "training_certificate", "post_term", "login_attempt", "account", "agency"):
        op.drop_table(table)
