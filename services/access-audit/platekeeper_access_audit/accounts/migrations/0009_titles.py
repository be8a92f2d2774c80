"""Authorised titles, approvals of access, versions of courses; when the person of an account left.

Accounts that are older than approvals keep their access for the grace of a review: each gets an approval that nobody
gave and that is due at once.
"""

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_titles"
down_revision = "accounts_matters"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("separated_at", Moment, nullable=True))
    op.add_column("session", sa.Column("approved_until", Moment, nullable=True))
    _create_authorised_title()
    _create_course_version()
    _create_expiry_notice()
    _carry_over(_create_access_approval())


def _create_authorised_title() -> None:
    now = sa.text("until IS NULL")
    op.create_table(
        "authorised_title",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("courses", sa.JSON, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("until", Moment, nullable=True),
        sa.Column("changed_by", sa.String, nullable=False),
    )
    columns = ["agency_id", "title"]
    op.create_index(
        "authorised_title_now", "authorised_title", columns, unique=True, sqlite_where=now, postgresql_where=now
    )


def _create_course_version() -> None:
    op.create_table(
        "course_version",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("validity", sa.String, nullable=False),
        sa.Column("proof", sa.String, nullable=False),
        sa.Column("content_sha256", sa.String, nullable=True),
        sa.Column("accepted_until", Moment, nullable=True),
        sa.Column("edited_by", sa.String, nullable=False),
        sa.Column("edited_at", Moment, nullable=False),
        sa.UniqueConstraint("agency_id", "course", "version"),
    )


def _create_expiry_notice() -> None:
    op.create_table(
        "expiry_notice",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False, index=True),
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("course", sa.String, nullable=False, comment="or access, of a review"),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("days", sa.Integer, nullable=False, comment="before the end"),
        sa.Column("written_at", Moment, nullable=False),
        sa.UniqueConstraint("account_id", "subject", "course", "ends_at", "days"),
    )


def _create_access_approval() -> sa.Table:
    now = sa.text("ended_at IS NULL")
    made = op.create_table(
        "access_approval",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, sa.ForeignKey("agency.id"), nullable=False),
        sa.Column("account_id", sa.String, sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("approver", sa.String, nullable=False),
        sa.Column("approver_name", sa.String, nullable=False),
        sa.Column("approver_title", sa.String, nullable=True),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("scope", sa.JSON, nullable=False, comment="the roles that were approved"),
        sa.Column("occasion", sa.String, nullable=False),
        sa.Column("given_at", Moment, nullable=False),
        sa.Column("review_by", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
    )
    op.create_index(
        "access_approval_now", "access_approval", ["account_id"], unique=True, sqlite_where=now, postgresql_where=now
    )
    return made


def _carry_over(access_approval: sa.Table) -> None:
    account = sa.table(
        "account",
        sa.column("id", sa.String),
        sa.column("agency_id", sa.String),
        sa.column("title", sa.String),
        sa.column("roles", sa.JSON),
        sa.column("disabled_at", Moment),
    )
    agency = sa.table("agency", sa.column("id", sa.String))
    of_agencies = account.c.agency_id.in_(sa.select(agency.c.id)) & account.c.disabled_at.is_(None)
    now = datetime.now(UTC)
    for row in op.get_bind().execute(sa.select(account).where(of_agencies)).all():
        approval = {
            "id": str(uuid.uuid4()),
            "agency_id": row.agency_id,
            "account_id": row.id,
            "approver": "",
            "approver_name": "nobody: the account is older than approvals",
            "title": row.title,
            "scope": row.roles,
            "occasion": "carried_over",
            "given_at": now,
            "review_by": now,
        }
        op.get_bind().execute(access_approval.insert().values(**approval))


def downgrade() -> None:
    for table in ("expiry_notice", "access_approval", "course_version", "authorised_title"):
        op.drop_table(table)
    op.drop_column("session", "approved_until")
    op.drop_column("account", "separated_at")
