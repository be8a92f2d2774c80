"""What ingest holds while it runs, and its settings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Depends
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_common import edge
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import ServiceSettings
from platekeeper_ingest import storage
from platekeeper_ingest.intake import Intake
from platekeeper_ingest.register import Register

NAME = "ingest"
Answer = TypeVar("Answer")


class IngestSettings(ServiceSettings):
    """Settings of ingest."""

    model_config = SettingsConfigDict(env_prefix="PLATEKEEPER_INGEST_", frozen=True, extra="forbid")

    body_limit: int = Field(default=12_000_000, gt=0)
    """Bytes of a request's body."""
    max_image_bytes: int = Field(default=10_000_000, gt=0)
    max_crop_bytes: int = Field(default=200_000, gt=0)
    max_pixels: int = Field(default=40_000_000, gt=0)
    """Width times height of a frame or crop."""
    max_backlog: int = Field(default=10_000, gt=0)
    """Frames that may wait for recognition; above, 503."""
    max_read_backlog: int = Field(default=20_000, gt=0)
    """Events of reads (one or more for each call) that may wait for matching and storing; above, 503."""
    max_at_once: int = Field(default=32, gt=0)
    """Calls of devices that may be in memory at the same time; above, 503."""
    upload_seconds: float = Field(default=60, gt=0)
    """How long a body may take to arrive: a car that drives out of reach must not hold another's place."""
    max_future_seconds: int = Field(default=300, ge=0)
    """How far a camera's clock may be ahead of ours."""
    retry_after_seconds: int = Field(default=5, gt=0)
    checking_threads: int = Field(default=2, gt=0)
    """Threads that look at pictures."""


@dataclass(kw_only=True)
class IngestRoom(Room):
    """The room of ingest."""

    settings: IngestSettings
    register: Register
    intake: Intake
    checking: Executor
    """Where pictures are looked at, so that the event loop is not held up."""

    async def aside(self, work: Callable[[], Answer]) -> Answer:
        """What `work` answers, done on a checking thread."""
        return await asyncio.get_running_loop().run_in_executor(self.checking, work)

    @property
    def max_future(self) -> timedelta:
        """How far a camera's clock may be ahead of ours."""
        return timedelta(seconds=self.settings.max_future_seconds)


Here = Annotated[IngestRoom, Depends(edge.room)]
"""The room, as a door gets it."""


@asynccontextmanager
async def open_room(foundation: Foundation, settings: IngestSettings) -> AsyncIterator[IngestRoom]:
    """Open the database and load the register from it."""
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        async with db.tx() as tx:
            devices = await storage.devices(tx)
        with ThreadPoolExecutor(settings.checking_threads, thread_name_prefix="ingest-checking") as checking:
            yield IngestRoom(
                foundation=foundation,
                db=db,
                recorder=Recorder(NAME, foundation.keys, foundation.policies, foundation.clock),
                settings=settings,
                register=Register.of(devices),
                intake=Intake(
                    max_frames=settings.max_backlog,
                    max_reads=settings.max_read_backlog,
                    max_at_once=settings.max_at_once,
                    retry_after_seconds=settings.retry_after_seconds,
                ),
                checking=checking,
            )
