"""Periodic audits with their samples, and monthly reports."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment, RowId

revision = "ledger_audits"
down_revision = "ledger_reviews"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("period", sa.String, nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("cadence", sa.String, nullable=False),
        sa.Column("tree_size", RowId, nullable=False),
        sa.Column("root", sa.String, nullable=False),
        sa.Column("seed", sa.String, nullable=False),
        sa.Column("population", sa.Integer, nullable=False),
        sa.Column("risky", sa.Integer, nullable=False),
        sa.Column("findings", sa.JSON, nullable=False),
        sa.Column("policy_version", sa.String, nullable=False),
        sa.Column("signed_off_at", Moment),
        sa.Column("signed_off_by", sa.String),
        sa.Column("report", sa.JSON),
        sa.Column("report_sha256", sa.String),
        sa.UniqueConstraint("agency_id", "period"),
    )
    op.create_table(
        "audit_record",
        sa.Column("audit_id", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("record_id", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("reviewed_at", Moment),
        sa.Column("reviewer", sa.String),
        sa.Column("reviewer_name", sa.String),
        sa.Column("reviewer_title", sa.String),
        sa.Column("finding", sa.String),
        sa.Column("disposition", sa.String),
        sa.UniqueConstraint("audit_id", "record_id"),
        sa.CheckConstraint("reviewer IS NULL OR reviewer <> subject", name="audit_record_not_own"),
    )
    op.create_index("audit_record_record", "audit_record", ["record_id"])
    op.create_table(
        "monitoring_report",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("month", sa.String, primary_key=True),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
    )


def downgrade() -> None:
    for table in ("monitoring_report", "audit_record", "audit"):
        op.drop_table(table)
