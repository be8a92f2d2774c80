"""The records office: what it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.service import Consumes, Foundation, Room, Service
from platekeeper_common.settings import PREFIX, ServiceSettings
from platekeeper_retention import consumers, storage
from platekeeper_retention.policy import SECTIONS
from platekeeper_retention.routes import router

NAME = "retention"


class RetentionSettings(ServiceSettings):
    """The records office's own settings; a search is short."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}RETENTION_", frozen=True, extra="forbid")

    body_limit: int = Field(default=65_536, gt=0)


@asynccontextmanager
async def open_room(foundation: Foundation, _settings: RetentionSettings) -> AsyncIterator[Room]:
    """The room over its own database."""
    recorder = Recorder(NAME, foundation.keys, foundation.policies, foundation.clock)
    async with Database.open(foundation.settings.database(NAME), foundation.clock) as db:
        yield Room(foundation=foundation, db=db, recorder=recorder)


async def counts(here: Room) -> dict[str, int]:
    """How many reads are stored."""
    async with here.db.tx() as tx:
        return {"reads_stored": await storage.count(tx)}


SERVICE = Service(
    name=NAME,
    summary="The records office: stores, searches and shows reads, and keeps them for as long as policy says.",
    # The closing slash leaves POST /v1/reads to ingest.
    paths=("/v1/searches", "/v1/reads/"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    routes=(router,),
    consumes=(Consumes(NAME, (PlatesRead.topic,), consumers.store_reads),),
    emits=(AccessRecorded,),
    policy=SECTIONS,
    settings=RetentionSettings,
    counts=counts,
)
