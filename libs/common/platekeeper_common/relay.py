"""The relay: sends a database's outbox to the bus, in order, at least once.

One at a time per database: of several processes one sends, the others wait. It sends what it finds and deletes what it
sent; it never remembers a position. Events lie in the outbox in the order of their commits (`Tx.commit`).
"""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import delete, func, select

from platekeeper_common.bus.contract import Bus, Unavailable
from platekeeper_common.db import Database, Tx
from platekeeper_common.events.catalogue import EVENTS
from platekeeper_common.outbox import outbox
from platekeeper_common.schema import Moment

BATCH = 500
POLL_SECONDS = 1.0

_decoders = {event.type: msgspec.json.Decoder(event) for event in EVENTS}
_log = structlog.get_logger()


async def oldest_record(tx: Tx) -> datetime | None:
    """When the oldest access record that the bus does not have yet was written; None when all are sent."""
    row = await tx.row(select(func.min(outbox.c.created_at, type_=Moment)).where(outbox.c.access_record))
    return row[0] if row else None


@dataclass(frozen=True, slots=True)
class Unsent:
    """What the outbox holds: how many events, since when, and since when an access record."""

    events: int
    oldest: datetime | None
    oldest_record: datetime | None


async def unsent(tx: Tx) -> Unsent:
    """What the bus does not have yet. Raises Unavailable."""
    events = await tx.rows(select(func.count()).select_from(outbox))
    oldest = await tx.rows(select(func.min(outbox.c.created_at, type_=Moment)))
    return Unsent(events[0][0], oldest[0][0], await oldest_record(tx))


class Relay:
    """Sends one database's outbox to the bus, in order, at least once."""

    def __init__(self, db: Database, bus: Bus, source: str, *, poll: float = POLL_SECONDS) -> None:
        """`source` is the service that speaks; it looks every `poll` seconds though nobody says that there is news."""
        self._db = db
        self._bus = bus
        self._source = source
        self._poll = poll
        self.trouble: str | None = None

    async def run(self) -> None:
        """Send until cancelled: at once when something was emitted, and every so often in any case."""
        async with self._db.hearing():
            await self._run()

    async def _run(self) -> None:
        while True:
            self._db.emitted.clear()
            try:
                await self.flush()
                self.trouble = None
            except Unavailable as error:
                if self.trouble is None:
                    _log.warning("outbox waits", service=self._source, reason=str(error))
                self.trouble = str(error)
                await asyncio.sleep(self._poll)
                continue
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._db.emitted.wait()

    async def flush(self) -> None:
        """Send all that is there now, when it is this one's turn. Raises Unavailable."""
        while await self._send_alone():
            pass

    async def _send_alone(self) -> int:
        # For each batch anew: another process that waits for this one must not wait for a whole backlog.
        async with self._db.alone("relay"):
            return await self.send()

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
