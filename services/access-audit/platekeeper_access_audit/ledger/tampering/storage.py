"""How many statements against the kept tables the database has refused, and how many of them were told.

A trigger that refuses undoes its statement and what it wrote with it. What stays is a sequence's number on PostgreSQL,
which no rollback takes back, and on SQLite a row when the statement's transaction is committed all the same
(RAISE(FAIL) undoes nothing of a statement that had nothing done yet).
"""

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, column, select, table, update

from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx

refused_statement = Table(
    "refused_statement",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("counted", BigInteger, nullable=False, comment="on SQLite; PostgreSQL counts in refused_statement_number"),
    Column("told", BigInteger, nullable=False, comment="how many of them access records have told"),
)
_sequence = table("refused_statement_number", column("last_value", BigInteger), column("is_called", Boolean))


async def refused(tx: Tx) -> int:
    """How many statements have been refused."""
    if tx.database == "postgresql":
        (row,) = await tx.rows(select(_sequence.c.last_value, _sequence.c.is_called))
        return int(row.last_value) if row.is_called else 0
    (row,) = await tx.rows(select(refused_statement.c.counted))
    return int(row.counted)


async def told(tx: Tx) -> int:
    """How many of them access records have told."""
    (row,) = await tx.rows(select(refused_statement.c.told))
    return int(row.told)


async def tell(tx: Tx, count: int) -> None:
    """Access records have now told so many."""
    await tx.write(update(refused_statement).values(told=count))
