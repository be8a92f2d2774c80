"""The worker's look at what the database refused: an attempt on the log itself becomes an access record (clause G3)."""

import asyncio

import structlog

from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.tampering import storage
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.ids import PLATFORM

LOOK_SECONDS = 2.0
_log = structlog.get_logger()


async def run(here: LedgerRoom) -> None:
    """Look until cancelled."""
    while True:
        try:
            await tell(here)
        except Unavailable as error:
            _log.warning("refused statements not looked for", reason=str(error))
        await asyncio.sleep(LOOK_SECONDS)


async def tell(here: LedgerRoom) -> int:
    """Record the statements that the database refused since the last look, in one record; how many. Safe to run twice.

    It cannot say who: the database's own log does.
    """
    async with here.db.tx() as tx:
        if await storage.refused(tx) == await storage.told(tx):
            return 0
        await tx.lock()
        count = await storage.refused(tx)
        fresh = count - await storage.told(tx)
        await storage.tell(tx, count)
        if fresh > 0:
            attempt = here.recorder.by_itself(
                PLATFORM,
                Action.RECORDS_ALTER,
                "database",
                "ledger",
                outcome="refused",
                code="record_kept",
                clause="G3",
                count=fresh,
                subject="database:ledger",
            )
            tx.emit(attempt)
            _log.error("statements against the log were refused", count=fresh)
    return max(fresh, 0)
