"""Publication's own settings, and what the service holds while it runs: no key, and nothing about any read."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
from fastapi import Depends
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_access_audit.publication.board import Board
from platekeeper_common import edge
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import PREFIX, ServiceSettings

NAME = "publication"


class PublicationSettings(ServiceSettings):
    """Settings of publication, `PLATEKEEPER_PUBLICATION_*`."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}PUBLICATION_", frozen=True, extra="forbid")

    look_seconds: float = Field(default=60, gt=0)
    """Between two looks at whether a posted policy is due to be checked; each is checked once a day."""
    answer_seconds: float = Field(default=10, gt=0)
    """How long an agency's website may take."""
    answer_bytes: int = Field(default=8_000_000, gt=0)
    """Of a page of an agency's website; the rest is not read."""
    authorities: Path | None = None
    """A PEM file of certificate authorities that are trusted for agencies' websites, besides the machine's own."""


@dataclass(kw_only=True)
class PublicationRoom(Room):
    """Database and records as every service has them, what was stated, and how websites are asked."""

    settings: PublicationSettings
    board: Board
    web: httpx.AsyncClient


Here = Annotated[PublicationRoom, Depends(edge.room)]
"""The room, as a door gets it."""


@asynccontextmanager
async def open_room(foundation: Foundation, settings: PublicationSettings) -> AsyncIterator[PublicationRoom]:
    """Publication over its own database."""
    trusted = ssl.create_default_context()
    if settings.authorities is not None:
        trusted.load_verify_locations(settings.authorities)
    async with (
        Database.open(foundation.settings.database_of(NAME), foundation.clock) as db,
        httpx.AsyncClient(verify=trusted, follow_redirects=True, timeout=settings.answer_seconds) as web,
    ):
        yield PublicationRoom(
            foundation=foundation,
            db=db,
            recorder=Recorder(NAME, foundation.keys, foundation.policies, foundation.clock),
            settings=settings,
            board=Board(),
            web=web,
        )
