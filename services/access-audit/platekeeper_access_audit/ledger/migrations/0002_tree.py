"""The roots of full subtrees, and the checkpoints that were signed, which nobody changes."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common import online
from platekeeper_common.schema import Moment, RowId

revision = "ledger_0002"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None

TABLES = {"subtree": "a full subtree never changes", "checkpoint": "checkpoints are never changed"}
IS_NEW = {"subtree": "tier = NEW.tier AND place = NEW.place", "checkpoint": "number = NEW.number"}


def upgrade() -> None:
    op.create_table(
        "subtree",
        sa.Column("tier", sa.Integer, primary_key=True, autoincrement=False, comment="its leaves are 256 ** tier"),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False, comment="from 0, left to right"),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("tier >= 1 AND place >= 0 AND length(hash) = 32", name="subtree_whole"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("number", RowId, primary_key=True, autoincrement=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("signed_at", Moment, nullable=False),
        sa.Column("note", sa.String, nullable=False),
        sa.CheckConstraint("size >= 0 AND length(root) = 32", name="checkpoint_whole"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table, message in TABLES.items():
            for trigger in _triggers(table, message):
                op.execute(trigger)
    else:
        for table, message in TABLES.items():
            online.refuse(table, message)


def _triggers(table: str, message: str) -> list[str]:
    is_kept = f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    there = f"EXISTS (SELECT 1 FROM {table} WHERE {IS_NEW[table]})"  # noqa: S608 - names of this file alone
    return [
        f"CREATE TRIGGER {table}_not_updated BEFORE UPDATE ON {table} {is_kept}",
        f"CREATE TRIGGER {table}_not_deleted BEFORE DELETE ON {table} {is_kept}",
        f"CREATE TRIGGER {table}_is_new BEFORE INSERT ON {table} WHEN {there} {is_kept}",
    ]


def downgrade() -> None:
    op.drop_table("checkpoint")
    op.drop_table("subtree")
