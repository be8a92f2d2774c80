"""Changes of a schema that others work with meanwhile: for migrations of tables that are there already."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


def create_index(name: str, table: str, columns: Sequence[str | sa.TextClause], **more: Any) -> None:
    """An index, on PostgreSQL made beside those who write (CONCURRENTLY), outside of the revision's transaction.

    One that an attempt left unfinished is made anew; so a revision that calls this does nothing else that cannot be
    done twice. Not for a partitioned table: PostgreSQL cannot.
    """
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(name, table, columns, **more)
        return
    with op.get_context().autocommit_block():
        op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        op.create_index(name, table, columns, postgresql_concurrently=True, **more)


def refuse(table: str, message: str, *, on: Sequence[str] = ("UPDATE", "DELETE", "TRUNCATE")) -> None:
    """PostgreSQL refuses these statements on the table, whoever runs them but a superuser who takes it away."""
    literal = message.replace("'", "''")
    op.execute(
        f"CREATE OR REPLACE FUNCTION {table}_is_kept() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{literal}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    for act in on:
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_kept()"
        )
