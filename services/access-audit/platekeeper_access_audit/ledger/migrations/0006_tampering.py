"""Refused statements against what is kept are counted, so that the ledger can tell of them."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_tampering"
down_revision = "ledger_plate_index"
branch_labels = None
depends_on = None

TABLES = {
    "access_record": "access records are never changed",
    "subtree": "a full subtree never changes",
    "checkpoint": "checkpoints are never changed",
}
COUNTED = "UPDATE refused_statement SET counted = counted + 1"
# FAIL, not ABORT: it leaves what the statement did, which is this count and nothing else, since BEFORE the first row.
SQLITE = """
CREATE TRIGGER {table}_not_{done} BEFORE {act} ON {table}
BEGIN {counted}; SELECT RAISE(FAIL, '{message}'); END
"""
# As its owner, so that the count goes up whoever tries; nextval is what no rollback takes back.
POSTGRESQL = """
CREATE OR REPLACE FUNCTION {table}_is_kept() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT
AS $$ BEGIN
    PERFORM nextval('refused_statement_number');
    RAISE EXCEPTION '{message}: refused to %', session_user USING ERRCODE = 'restrict_violation';
END $$
"""
SQLITE_BEFORE = """
CREATE TRIGGER {table}_not_{done} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END
"""
POSTGRESQL_BEFORE = """
CREATE OR REPLACE FUNCTION {table}_is_kept() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER
AS $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation'; END $$
"""


def upgrade() -> None:
    refused = op.create_table(
        "refused_statement",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="always 1"),
        sa.Column(
            "counted", sa.BigInteger, nullable=False, comment="on SQLite; PostgreSQL counts in refused_statement_number"
        ),
        sa.Column("told", sa.BigInteger, nullable=False, comment="how many of them access records have told"),
        sa.CheckConstraint("id = 1", name="refused_statement_is_one"),
    )
    op.bulk_insert(refused, [{"id": 1, "counted": 0, "told": 0}])
    if op.get_bind().dialect.name == "sqlite":
        _sqlite(SQLITE)
    else:
        op.execute("CREATE SEQUENCE refused_statement_number")
        _postgresql(POSTGRESQL)


def _sqlite(trigger: str) -> None:
    for table, message in TABLES.items():
        for act, done in (("UPDATE", "updated"), ("DELETE", "deleted")):
            op.execute(f"DROP TRIGGER {table}_not_{done}")
            op.execute(trigger.format(table=table, done=done, act=act, counted=COUNTED, message=message))


def _postgresql(function: str) -> None:
    for table, message in TABLES.items():
        op.execute(function.format(table=table, message=message))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite(SQLITE_BEFORE)
    else:
        _postgresql(POSTGRESQL_BEFORE)
        op.execute("DROP SEQUENCE refused_statement_number")
    op.drop_table("refused_statement")
