"""The worker's task of expiring months: recorded first, then the keys go, in this order whatever fails between (G3)."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from platekeeper_access_audit.ledger.expiry import domain, storage
from platekeeper_access_audit.ledger.expiry.storage import Month
from platekeeper_access_audit.ledger.policy import LedgerPolicy
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.periods import Period

EVERY = timedelta(hours=1)
LOOK_SECONDS = 5.0
_log = structlog.get_logger()


async def run(here: LedgerRoom) -> None:
    """Expire what is over at the start and each hour, until cancelled."""
    looked_at: datetime | None = None
    while True:
        if looked_at is None or here.clock() - looked_at >= EVERY:
            try:
                await expire(here)
                looked_at = here.clock()
            except Unavailable as error:
                _log.warning("months not expired", reason=str(error))
        await asyncio.sleep(LOOK_SECONDS)


async def expire(here: LedgerRoom) -> list[Month]:
    """Destroy the keys of every month whose records are all older than the agency's policy keeps them; which.

    Safe to run twice. Raises Unavailable when the database or the key store is away.
    """
    async with here.db.alone("expiry"):
        for agency_id, kept in _agencies(here):
            names = [name for folder in domain.folders(agency_id) for name in await here.foundation.keys.names(folder)]
            for month in domain.over(names, kept, here.clock()):
                await _begin(here, Month(agency_id, month))
        async with here.db.tx() as tx:
            begun = await storage.unfinished(tx)
        for one in begun:
            await _destroy(here, one)
    return begun


def _agencies(here: LedgerRoom) -> Iterator[tuple[AgencyId, Period]]:
    """Every agency and how long its records are kept; those of no agency as long as the most patient agency's.

    Whose policy is in doubt is left out, and as long as there is one so are the records of no agency: nothing of theirs
    is destroyed.
    """
    agencies = here.foundation.policies.kept()
    known = [(agency_id, profile.section(LedgerPolicy).access_kept) for agency_id, profile in agencies if profile]
    yield from known
    if known and len(known) == len(agencies):
        yield PLATFORM, max((kept for _, kept in known), key=lambda kept: kept.count)


async def _begin(here: LedgerRoom, one: Month) -> None:
    """Write down, and record, that the month has expired; its keys may still be there. Once."""
    async with here.db.tx() as tx:
        await tx.lock()
        if await storage.known(tx, one):
            return
        records = await storage.sealed(tx, one.agency_id, *domain.bounds(one.month))
        await storage.add(tx, one, records=records, now=here.clock())
        expired = here.recorder.by_itself(
            one.agency_id, Action.RECORDS_EXPIRE, "access_month", one.month, result_count=records
        )
        tx.emit(expired)


async def _destroy(here: LedgerRoom, one: Month) -> None:
    for name in domain.keys(one.agency_id, one.month):
        await here.foundation.keys.destroy(name)
    async with here.db.tx() as tx:
        await storage.finish(tx, one, now=here.clock())
    _log.info("month of access records expired", agency=one.agency_id, month=one.month)
