"""How far each of the worker's jobs has read the ledger: records come for ever, and each job takes them once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from sqlalchemy import Column, String, Table, select, update

from platekeeper_access_audit.ledger import storage
from platekeeper_access_audit.ledger.domain import Entry
from platekeeper_common.db import Tx
from platekeeper_common.log import describe
from platekeeper_common.schema import RowId

LOOK_SECONDS = 0.5
REST_SECONDS = 10.0
"""After a look that failed."""
_log = structlog.get_logger()

reader = Table(
    "reader",
    storage.metadata,
    Column("name", String, primary_key=True),
    Column("position", RowId, nullable=False, comment="of the first record that it has not taken"),
)


async def keep_looking(name: str, look: Callable[[], Awaitable[object]]) -> None:
    """Look twice a second until cancelled. A look that fails is logged and made again: signing must not end for it."""
    while True:
        try:
            await look()
        except Exception as error:  # noqa: BLE001 - the same process signs checkpoints, without which no plate data
            _log.error("ledger not followed", reader=name, error=describe(error))
            await asyncio.sleep(REST_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)


async def places(tx: Tx) -> dict[str, int]:
    """How many records each job has taken."""
    return {row.name: row.position for row in await tx.rows(select(reader))}


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
