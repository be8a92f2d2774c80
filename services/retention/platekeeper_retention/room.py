"""What the records office holds while it runs, and its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import PREFIX, ServiceSettings
from platekeeper_retention import storage

NAME = "retention"


class RetentionSettings(ServiceSettings):
    """The records office's own settings; a search is short."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}RETENTION_", frozen=True, extra="forbid")

    body_limit: int = Field(default=65_536, gt=0)


@dataclass(kw_only=True)
class RetentionRoom(Room):
    """The records office's room."""

    found: int
    """Versions of reads that were stored when the room was opened: counting them takes too long to do it often."""
    stored: int = 0
    """Those that this process has stored since."""


@asynccontextmanager
async def open_room(foundation: Foundation, _settings: RetentionSettings) -> AsyncIterator[RetentionRoom]:
    """The room over its own database."""
    recorder = Recorder(NAME, foundation.keys, foundation.policies, foundation.clock)
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        async with db.tx() as tx:
            found = await storage.count(tx)
        yield RetentionRoom(foundation=foundation, db=db, recorder=recorder, found=found)
