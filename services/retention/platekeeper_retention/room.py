"""What the records office holds while it runs, and its settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

import structlog
from fastapi import Depends
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_common import edge
from platekeeper_common.access import Recorder
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.db import Database
from platekeeper_common.ids import AgencyId
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import PREFIX, ServiceSettings
from platekeeper_retention import partitions, storage

NAME = "retention"
LOOK_SECONDS = 1.0
"""Between two looks at which agencies are open, and which month it is."""
_log = structlog.get_logger()


class RetentionSettings(ServiceSettings):
    """The records office's own settings; a search is short."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}RETENTION_", frozen=True, extra="forbid")

    body_limit: int = Field(default=65_536, gt=0)
    export_at_most: int = Field(default=2_000, gt=0)
    """Corrections in one export of training data."""


@dataclass(kw_only=True)
class RetentionRoom(Room):
    """The records office's room."""

    settings: RetentionSettings
    found: int
    """Versions of reads that were stored when the room was opened: counting them takes too long to do it often."""
    stored: int = 0
    """Those that this process has stored since."""
    reachable: set[AgencyId] = field(default_factory=set)
    """Agencies for whose reads there is known to be room, and a role that may read them."""
    beside: set[tuple[AgencyId, date]] = field(default_factory=set)
    """Of which months' reads there is known to be room for what is said."""

    async def reach(self, agency_id: AgencyId) -> None:
        """Make room for the agency's reads where nobody has yet, so that they can be looked for. Raises Unavailable."""
        if agency_id not in self.reachable:
            async with self.db.tx() as tx:
                await partitions.make_room(tx, {(agency_id, partitions.month_of(self.clock()))})
            self.reachable.add(agency_id)

    async def reach_beside(self, agency_id: AgencyId, month: date) -> None:
        """Make room for what is said of the month's reads, where nobody has yet. Raises Unavailable."""
        wanted = agency_id, month
        if wanted not in self.beside:
            async with self.db.tx() as tx:
                await partitions.make_room_beside(tx, *wanted)
            self.beside.add(wanted)

    async def make_room_ahead(self) -> None:
        """Keep room for the reads of each open agency in this month and the next ones, until cancelled."""
        made: set[tuple[AgencyId, date]] = set()
        while True:
            wanted = {
                (agency_id, month)
                for agency_id in self.foundation.policies.open_agencies()
                for month in partitions.months_from(self.clock())
            }
            if wanted - made:
                try:
                    async with self.db.tx() as tx:
                        await partitions.make_room(tx, wanted - made)
                    made = wanted
                except Unavailable as error:
                    _log.warning("no room made ahead", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)


Here = Annotated[RetentionRoom, Depends(edge.room)]
"""The room, as a door gets it."""


@asynccontextmanager
async def open_room(foundation: Foundation, settings: RetentionSettings) -> AsyncIterator[RetentionRoom]:
    """The room over its own database."""
    recorder = Recorder(NAME, foundation.keys, foundation.policies, foundation.clock)
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        async with db.tx() as tx:
            found = await storage.count(tx)
        yield RetentionRoom(foundation=foundation, db=db, recorder=recorder, settings=settings, found=found)
