"""Refusals of callers whom nobody knows: counted per source, recorded once a minute (the reading rule of the clauses).

One record each would let anyone fill the ledger.
"""

import asyncio
from collections import Counter

import structlog
from sqlalchemy.exc import SQLAlchemyError

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.service import Room

MAX_SOURCES = 1_000
"""Beyond so many sources in a minute the rest are counted together as `others`."""
EVERY_SECONDS = 60.0
_log = structlog.get_logger()


class Strangers:
    """The counts of one service's last minute."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def count(self, address: str, code: str, clause: str) -> None:
        """One refusal with this code, by this clause, for a caller at this address."""
        known = (address, code, clause) in self._counts or len(self._counts) < MAX_SOURCES
        self._counts[(address if known else "others", code, clause)] += 1

    async def record(self, room: Room) -> None:
        """Write a record per source and code; what cannot be written is counted on."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            async with room.db.tx() as tx:
                tx.emit(*(room.recorder.unauthenticated(*refused, count=n) for refused, n in counts.items()))
        except (Unavailable, SQLAlchemyError) as error:
            self._counts.update(counts)
            _log.error("refusals not recorded", reason=type(error).__name__)

    async def run(self, room: Room) -> None:
        """Record every minute until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self.record(room)
        finally:
            await self.record(room)
