"""How far each of the worker's jobs has read the ledger: records come for ever, and each job takes them once."""

from collections.abc import Sequence

from sqlalchemy import Column, String, Table, select, update

from platekeeper_access_audit.ledger import storage
from platekeeper_access_audit.ledger.domain import Entry
from platekeeper_common.db import Tx
from platekeeper_common.schema import RowId

reader = Table(
    "reader",
    storage.metadata,
    Column("name", String, primary_key=True),
    Column("position", RowId, nullable=False, comment="of the first record that it has not taken"),
)


async def place(tx: Tx, name: str) -> int:
    """The position of the first record that the job has not taken."""
    row = await tx.row(select(reader.c.position).where(reader.c.name == name))
    return 0 if row is None else int(row[0])


async def move(tx: Tx, name: str, position: int) -> None:
    """The job has taken every record before `position`."""
    if not await tx.write(update(reader).where(reader.c.name == name).values(position=position)):
        await tx.write(reader.insert().values(name=name, position=position))


async def records(tx: Tx, start: int, limit: int, *, before: int | None = None) -> Sequence[Entry]:
    """Up to `limit` entries from the position `start`, in order; those `before` a position."""
    return await storage.in_order(tx, start, limit, before=before)
