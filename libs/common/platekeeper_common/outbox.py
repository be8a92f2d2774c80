"""The outbox: events that a transaction emitted, kept in the service's own database until the bus has them.

One relay per database sends what it finds and deletes what it sent; it never remembers a position, because sequences
commit out of order.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import structlog
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platekeeper_common.bus.contract import Bus, Unavailable
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.catalogue import EVENTS
from platekeeper_common.events.envelope import Event
from platekeeper_common.schema import Moment, RowId, shared

if TYPE_CHECKING:
    from platekeeper_common.db import Database, Tx

outbox = Table(
    "outbox",
    shared,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("type", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("access_record", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
)
access_number = Table(
    "access_number",
    shared,
    Column("id", Integer, primary_key=True, comment="always 1"),
    Column("last", BigInteger, nullable=False, comment="the last number that an access record of this database got"),
)
BATCH = 500
POLL_SECONDS = 1.0

_decoders = {event.type: msgspec.json.Decoder(event) for event in EVENTS}
_log = structlog.get_logger()


async def add(connection: AsyncConnection, events: Sequence[Event], *, at: datetime) -> None:
    """Put the events in, within the connection's transaction."""
    rows = [
        {
            "type": event.type,
            "data": msgspec.json.encode(event),
            "access_record": isinstance(event, AccessRecorded),
            "created_at": at,
        }
        for event in events
    ]
    await connection.execute(outbox.insert(), rows)


async def take_numbers(connection: AsyncConnection, count: int) -> int:
    """Take the next `count` numbers for access records, gapless because they are taken with the commit; the last."""
    taken = update(access_number).values(last=access_number.c.last + count).returning(access_number.c.last)
    return int((await connection.execute(taken)).scalar_one())


async def oldest_record(tx: "Tx") -> datetime | None:
    """When the oldest access record that the bus does not have yet was written; None when all are sent."""
    row = await tx.row(select(func.min(outbox.c.created_at, type_=Moment)).where(outbox.c.access_record))
    return row[0] if row else None


class Relay:
    """Sends one database's outbox to the bus, in order, at least once."""

    def __init__(self, db: "Database", bus: Bus, source: str) -> None:
        """`source` is the service that speaks."""
        self._db = db
        self._bus = bus
        self._source = source
        self.trouble: str | None = None

    async def run(self) -> None:
        """Send until cancelled: at once when something was emitted, and every second in any case."""
        while True:
            self._db.emitted.clear()
            try:
                while await self.send():
                    pass
                self.trouble = None
            except Unavailable as error:
                self.trouble = str(error)
                _log.warning("outbox waits", service=self._source, reason=str(error))
                await asyncio.sleep(POLL_SECONDS)
                continue
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._db.emitted.wait()

    async def send(self) -> int:
        """Send one batch; how many events it held. Raises Unavailable."""
        async with self._db.tx() as tx:
            rows = await tx.rows(select(outbox).order_by(outbox.c.id).limit(BATCH))
        if not rows:
            return 0
        await self._bus.publish([_decoders[row.type].decode(row.data) for row in rows], source=self._source)
        async with self._db.tx() as tx:
            await tx.write(delete(outbox).where(outbox.c.id.in_([row.id for row in rows])))
        return len(rows)
