"""The sequencer: signs the tree each minute. It is the one holder of the signing key.

It signs nothing that does not continue what it signed before: of a ledger that was cut back or changed there are no
more checkpoints, and with the last one older than `audit_lag_limit` no plate data (clause B8). With each it says since
when an access record waits on the bus for the ledger; that a record waits for so long stops plate data as well.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from platekeeper_access_audit.ledger import storage, tree
from platekeeper_access_audit.ledger.checkpoints import Checkpoint
from platekeeper_access_audit.ledger.domain import LAG_LIMIT
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.tree import Signed, TreeDamaged
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.db import Tx
from platekeeper_common.events.access import AccessRecorded

EVERY = timedelta(minutes=1)
LOOK_SECONDS = 0.5
_log = structlog.get_logger()


async def run(here: LedgerRoom) -> None:
    """Sign at once, then each minute, and when no record waits any more, until cancelled.

    Ends by TreeDamaged when the tree is not what was signed.
    """
    last: Signed | None = None
    await compare_with_archive(here)
    while True:
        try:
            if await _due(here, last):
                last = await sign(here)
                _log.info("checkpoint signed", number=last.number, records=last.size)
        except (Unavailable, OSError) as error:
            _log.warning("checkpoint not signed", reason=type(error).__name__)
        await asyncio.sleep(LOOK_SECONDS)


async def _due(here: LedgerRoom, last: Signed | None) -> bool:
    if last is None or here.clock() - last.signed_at >= EVERY:
        return True
    return last.waiting_since is not None and await _waiting_since(here) is None


async def _waiting_since(here: LedgerRoom) -> datetime | None:
    """When the oldest access record was published that the ledger should have by now; None: it has them all.

    Raises Unavailable when the bus cannot tell.
    """
    lags = [lag for lag in await here.foundation.bus.lag("ledger", (AccessRecorded.topic,)) if lag.behind]
    since = [lag.waiting_since for lag in lags if lag.waiting_since is not None]
    if len(since) < len(lags):
        raise Unavailable("the bus does not tell since when access records wait")
    oldest = min(since, default=None)
    return oldest if oldest is not None and here.clock() - oldest > LAG_LIMIT else None


async def sign(here: LedgerRoom) -> Signed:
    """Sign the tree as it stands, keep the checkpoint, tell every process.

    Raises TreeDamaged when the tree does not continue the last checkpoint, Unavailable or OSError when the checkpoint
    cannot be kept now, or the bus does not tell whether records wait.
    """
    async with here.db.alone("sequencer"):
        return await _sign(here)


async def _sign(here: LedgerRoom) -> Signed:
    waiting = await _waiting_since(here)
    async with here.db.tx() as tx:
        size = await storage.next_position(tx)
    await _grow(here, size)
    async with here.db.tx() as tx:
        last = await tree.latest(tx)
        if last is not None:
            await _must_continue(tx, here.signer.opened(last.note), size)
        now = here.clock()
        root = await tree.root(tx, size)
        note = here.signer.sign(Checkpoint(here.signer.origin, size, root))
        await here.archive.keep(note, size=size, signed_at=now)
        signed = replace(await tree.add(tx, size, root, now, note), waiting_since=waiting)
        tx.emit(signed.event(here.signer.origin, here.signer.key, here.vouched))
    return signed


async def compare_with_archive(here: LedgerRoom) -> None:
    """Raise TreeDamaged when the folder's newest checkpoint is of another tree, as after an old copy was put back."""
    note = await here.archive.newest()
    if note is not None:
        checkpoint = here.signer.opened(note)
        async with here.db.tx() as tx:
            size = await storage.next_position(tx)
        async with here.db.alone("sequencer"):
            await _grow(here, size)
        async with here.db.tx() as tx:
            await _must_continue(tx, checkpoint, size)


async def _grow(here: LedgerRoom, size: int) -> None:
    grown = False
    while not grown:
        async with here.db.tx() as tx:
            grown = await tree.grow(tx, size)


async def _must_continue(tx: Tx, earlier: Checkpoint, size: int) -> None:
    if earlier.size > size:
        raise TreeDamaged(f"{earlier.size} records were signed and {size} are here")
    if await tree.root(tx, earlier.size) != earlier.root:
        raise TreeDamaged(f"the first {earlier.size} records are not those that were signed")
