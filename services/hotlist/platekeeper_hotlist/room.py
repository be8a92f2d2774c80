"""What hotlist holds while it runs, and its own settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_common import edge
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import ServiceSettings
from platekeeper_hotlist.in_force import EntriesInForce
from platekeeper_hotlist.matching import LastHeard


class HotlistSettings(ServiceSettings):
    """Seconds, but for limits in bytes."""

    model_config = SettingsConfigDict(env_prefix="PLATEKEEPER_HOTLIST_", frozen=True, extra="forbid")

    confirm_every: float = Field(default=0.5, gt=0)
    """How often the index is compared with the tables."""
    confirmed_within: float = Field(default=2.0, gt=0)
    """A matcher whose last comparison is older waits."""
    keep_alive: float = Field(default=15.0, gt=0)
    """How often a stream without hits says that it lives, and asks whether its token still does."""
    import_patience: float = Field(default=30.0, gt=0)
    """How long a file that is imported may pause on its way."""
    import_limit: int = Field(default=200_000_000, gt=0)
    """Bytes of a file that is imported; other bodies keep to `body_limit`."""


@dataclass(kw_only=True)
class HotlistRoom(Room):
    """Hotlist's room."""

    settings: HotlistSettings
    in_force: EntriesInForce
    heard: LastHeard = field(default_factory=LastHeard)
    listeners: int = 0
    """Open streams of hits."""


Here = Annotated[HotlistRoom, Depends(edge.room)]
"""The room, as a door gets it."""


@asynccontextmanager
async def open_room(foundation: Foundation, settings: HotlistSettings) -> AsyncIterator[HotlistRoom]:
    """Open the database and, where reads are matched, load every list."""
    async with Database.open(foundation.settings.database_of("hotlist"), foundation.clock) as db:
        matches = "worker" in foundation.roles
        in_force = EntriesInForce(db, within=settings.confirmed_within, matches=matches)
        await in_force.confirm()
        recorder = Recorder("hotlist", foundation.keys, foundation.policies, foundation.clock)
        yield HotlistRoom(foundation=foundation, db=db, recorder=recorder, settings=settings, in_force=in_force)
