"""Drafts, published versions for ever, where agencies post them and what was found there."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common import online
from platekeeper_common.schema import Moment

revision = "publication_0001"
down_revision = None
branch_labels = ("publication",)
depends_on = None

STAYS = "what was published stays as it was published"
IS_KEPT = f"BEGIN SELECT RAISE(ABORT, '{STAYS}'); END"
TAKEN = "agency_id = NEW.agency_id AND number = NEW.number OR draft_id = NEW.draft_id"
IS_NEW = f"WHEN EXISTS (SELECT 1 FROM policy_version WHERE {TAKEN}) {IS_KEPT}"  # noqa: S608 - names of this file alone
TRIGGERS = (
    f"CREATE TRIGGER policy_version_not_updated BEFORE UPDATE ON policy_version {IS_KEPT}",
    f"CREATE TRIGGER policy_version_not_deleted BEFORE DELETE ON policy_version {IS_KEPT}",
    # INSERT OR REPLACE deletes without firing the trigger on DELETE.
    f"CREATE TRIGGER policy_version_is_new BEFORE INSERT ON policy_version {IS_NEW}",
)


def upgrade() -> None:
    op.create_table(
        "policy_draft",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("texts", sa.Text, nullable=False),
        sa.Column("drafted_by", sa.String, nullable=False),
        sa.Column("drafted_at", Moment, nullable=False),
    )
    op.create_index("policy_draft_agency", "policy_draft", ["agency_id", "drafted_at", "id"])
    op.create_table(
        "policy_version",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("draft_id", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("html", sa.LargeBinary, nullable=False),
        sa.Column("pdf", sa.LargeBinary, nullable=False),
        sa.Column("policy_version", sa.String, nullable=False),
        sa.Column("published_by", sa.String, nullable=False),
        sa.Column("published_at", Moment, nullable=False),
        sa.UniqueConstraint("draft_id", name="policy_version_draft"),
    )
    op.create_table(
        "posting",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("set_at", Moment, nullable=False),
    )
    op.create_table(
        "posting_check",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("checked_at", Moment, nullable=False),
        sa.Column("problem", sa.String),
    )
    op.create_index("posting_check_agency", "posting_check", ["agency_id", "checked_at"])
    if op.get_bind().dialect.name == "sqlite":
        for trigger in TRIGGERS:
            op.execute(trigger)
    else:
        online.refuse("policy_version", STAYS)


def downgrade() -> None:
    for table in ("posting_check", "posting", "policy_version", "policy_draft"):
        op.drop_table(table)
