"""The entries in force, held in memory, and proof that they are those of hotlist's own tables.

An index that lags behind loses hits for ever: a read is matched once. So the versions of all lists are compared with
the tables twice a second, and a matcher whose last comparison is too old waits.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.db import Database, Tx
from platekeeper_common.events.hotlist import HotlistChanged
from platekeeper_common.ids import EntryId, ListId
from platekeeper_hotlist import domain, storage
from platekeeper_hotlist.domain import HotList
from platekeeper_hotlist.matching import Index

MOST_LOADED = 1_000
"""Entries that one query loads."""
_log = structlog.get_logger()


class EntriesInForce:
    """One process's index of every list, as of its last confirmation."""

    def __init__(
        self, db: Database, *, within: float, matches: bool = True, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is loaded before `confirm`. `within`: seconds for which a confirmation holds.

        A process that does not match (`matches`) loads nothing ever: a million entries are a gigabyte.
        """
        self._matches = matches
        self._db = db
        self._within = within
        self._monotonic = monotonic
        self._index = Index()
        self._versions: dict[ListId, int] = {}
        self._confirmed_at: float | None = None
        self._confirming = asyncio.Lock()
        self._told = asyncio.Event()

    def index(self) -> Index:
        """The entries in force. Raises Unavailable when that was last confirmed too long ago."""
        if self._confirmed_at is None or self._monotonic() - self._confirmed_at > self._within:
            raise Unavailable(f"hot lists not confirmed within {self._within} s")
        return self._index

    async def confirm(self) -> None:
        """Compare with the tables and load what changed: all that was committed before the call. Raises Unavailable."""
        if not self._matches:
            return
        async with self._confirming:
            at = self._monotonic()
            async with self._db.tx() as tx:
                for each in await storage.every_list(tx):
                    if each.version > self._versions.get(each.id, 0):
                        await self._load(tx, each)
                    self._index.aged(each.id, each.updated_at, each.confirmed_at)
            self._confirmed_at = at

    def tell(self, changed: HotlistChanged) -> None:
        """A list reached a version: confirm at once when it is not loaded yet."""
        if changed.version > self._versions.get(changed.list_id, 0):
            self._told.set()

    async def keep_confirmed(self, every: float) -> None:
        """Confirm every so many seconds, and when told of a change, until cancelled."""
        while True:
            self._told.clear()
            try:
                await self.confirm()
            except Unavailable as error:
                _log.warning("hot lists not confirmed", reason=str(error))
                await asyncio.sleep(every)
                continue
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._told.wait()

    async def _load(self, tx: Tx, changed: HotList) -> None:
        # Reads are matched between two pages: what is gone goes last, or one whose successor is on the next page would
        # be missed meanwhile.
        gone: list[EntryId] = []
        place = (self._versions.get(changed.id, 0) + 1, "")
        while entries := await storage.changed_entries(tx, changed.id, place, MOST_LOADED):
            for entry in entries:
                if entry.removed_at is None:
                    self._index.put(changed.agency_id, domain.listed(entry, changed))
                else:
                    gone.append(entry.id)
            place = (entries[-1].changed_in, entries[-1].id)
        for entry_id in gone:
            self._index.drop(entry_id)
        self._versions[changed.id] = changed.version
