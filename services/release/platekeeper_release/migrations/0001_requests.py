"""Recipients, requests with their decisions and what was sent. Requests and what became of them are never changed."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common import online
from platekeeper_common.schema import Moment

revision = "release_0001"
down_revision = None
branch_labels = ("release",)
depends_on = None

STAYS = "requests, decisions and what was sent stay on file"
KEPT = {"release_request": "id", "decision": "request_id", "fulfilment": "request_id"}


def upgrade() -> None:
    op.create_table(
        "recipient",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("ori", sa.String),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("level", sa.String, nullable=False),
        sa.Column("public_agency", sa.Boolean, nullable=False),
        sa.Column("legal_basis", sa.String, nullable=False),
        sa.Column("entered_by", sa.String, nullable=False),
        sa.Column("entered_at", Moment, nullable=False),
        sa.Column("withdrawn_at", Moment),
    )
    op.create_index("recipient_name", "recipient", ["agency_id", "name", "id"])
    op.create_table(
        "release_request",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.UniqueConstraint("agency_id", "year", "serial", name="release_request_number"),
    )
    op.create_table(
        "decision",
        sa.Column("request_id", sa.String, sa.ForeignKey("release_request.id"), primary_key=True),
        sa.Column("decided_at", Moment, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
    )
    op.create_table(
        "fulfilment",
        sa.Column("request_id", sa.String, sa.ForeignKey("decision.request_id"), primary_key=True),
        sa.Column("manifest", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("package_path", sa.String, nullable=False),
        sa.Column("package_sha256", sa.String, nullable=False),
        sa.Column("package_bytes", sa.BigInteger, nullable=False),
        sa.Column("fulfilled_by", sa.String, nullable=False),
        sa.Column("fulfilled_by_name", sa.String, nullable=False),
        sa.Column("fulfilled_at", Moment, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table, key in KEPT.items():
            for trigger in _triggers(table, key):
                op.execute(trigger)
    else:
        for table in KEPT:
            online.refuse(table, STAYS)


def _triggers(table: str, key: str) -> list[str]:
    is_kept = f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END"
    there = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608 - names of this file alone
    return [
        f"CREATE TRIGGER {table}_not_updated BEFORE UPDATE ON {table} {is_kept}",
        f"CREATE TRIGGER {table}_not_deleted BEFORE DELETE ON {table} {is_kept}",
        f"CREATE TRIGGER {table}_is_new BEFORE INSERT ON {table} WHEN {there} {is_kept}",
    ]


def downgrade() -> None:
    for table in ("fulfilment", "decision", "release_request", "recipient"):
        op.drop_table(table)
