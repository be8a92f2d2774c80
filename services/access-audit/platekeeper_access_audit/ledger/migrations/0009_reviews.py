"""The review queue, alerts, numbers still owed, and the register of staff's vehicles."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment, RowId

revision = "ledger_reviews"
down_revision = "ledger_witnesses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_items()
    _create_alerts()
    op.create_table(
        "owed_number",
        sa.Column("matter_session", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("subject", sa.String),
        sa.Column("username", sa.String),
        sa.Column("name", sa.String),
        sa.Column("record_id", sa.String),
        sa.Column("since", Moment),
        sa.Column("given_at", Moment),
    )
    op.create_table(
        "staff_plate",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False, comment="whose vehicle it is"),
        sa.Column("entered_by", sa.String, nullable=False),
        sa.Column("entered_at", Moment, nullable=False),
        sa.UniqueConstraint("agency_id", "digest"),
    )


def _create_items() -> None:
    op.create_table(
        "review_item",
        sa.Column("number", RowId, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("detector", sa.String),
        sa.Column("matter_session", sa.String),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("record_ids", sa.JSON, nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("policy_version", sa.String, nullable=False),
        sa.Column("reviewer", sa.String),
        sa.Column("finding", sa.String),
        sa.Column("disposition", sa.String),
        sa.Column("settled_by", sa.String),
        sa.Column("settled_at", Moment),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (settled_by IS NULL) AND (settled_at IS NULL) = (disposition IS NULL)"
            " AND (settled_by IS NULL OR settled_by <> subject)",
            name="review_item_settled",
        ),
    )
    op.create_index("review_item_agency", "review_item", ["agency_id", "number"])
    op.create_index("review_item_subject", "review_item", ["agency_id", "subject", "kind"])
    op.create_table(
        "review_step",
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
    )


def _create_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("number", RowId, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("subject", sa.String),
        sa.Column("username", sa.String),
        sa.Column("code", sa.String),
        sa.Column("clause", sa.String),
        sa.Column("happened_at", Moment, nullable=False),
        sa.Column("raised_at", Moment, nullable=False),
        sa.Column("acknowledged_at", Moment),
        sa.Column("acknowledged_by", sa.String),
        sa.Column("note", sa.String),
        sa.UniqueConstraint("agency_id", "kind", "about"),
    )
    op.create_index("alert_agency", "alert", ["agency_id", "number"])


def downgrade() -> None:
    for table in ("staff_plate", "owed_number", "alert", "review_step", "review_item"):
        op.drop_table(table)
