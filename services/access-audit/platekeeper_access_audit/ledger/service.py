"""The ledger as a service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from platekeeper_access_audit.ledger import handlers
from platekeeper_access_audit.ledger.consumers import keep_records
from platekeeper_access_audit.ledger.policy import SECTIONS
from platekeeper_access_audit.ledger.routes import router
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.service import Consumes, Foundation, Room, Service
from platekeeper_common.settings import PREFIX, ServiceSettings

NAME = "ledger"


class LedgerSettings(ServiceSettings):
    """Settings of the ledger, `PLATEKEEPER_LEDGER_*`."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}LEDGER_", frozen=True, extra="forbid")


@asynccontextmanager
async def open_room(foundation: Foundation, _settings: LedgerSettings) -> AsyncIterator[Room]:
    """The ledger over its own database."""
    async with Database.open(foundation.settings.database(NAME), foundation.clock) as db:
        recorder = Recorder(NAME, foundation.keys, foundation.policies, foundation.clock)
        yield Room(foundation=foundation, db=db, recorder=recorder)


async def counts(room: Room) -> dict[str, int]:
    """Figures for the start page."""
    return await handlers.counts(room.db)


LEDGER = Service(
    name=NAME,
    summary="The access records of all services, append-only.",
    paths=("/v1/access-records",),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    routes=(router,),
    consumes=(Consumes("ledger", (AccessRecorded.topic,), keep_records),),
    emits=(AccessRecorded,),
    policy=SECTIONS,
    settings=LedgerSettings,
    counts=counts,
)
