"""Release's own settings, and what the service holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_common import edge
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.notes import KeyName, NoteSigner
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import PREFIX, ServiceSettings

NAME = "release"
SIGNING_KEY = "release/ed25519"
"""The name in the key store under which the seed of the key that signs manifests lies, wrapped."""


class ReleaseSettings(ServiceSettings):
    """Settings of release, `PLATEKEEPER_RELEASE_*`. A package is made in memory: these bound it."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}RELEASE_", frozen=True, extra="forbid")

    body_limit: int = Field(default=65_536, gt=0)
    origin: KeyName = "localhost/platekeeper/release"
    """Names the key that signs manifests, for ever: a host name of yours and a path, without scheme."""
    reads_at_most: int = Field(default=500, gt=0)
    """Reads that one release may hold."""
    package_bytes_at_most: int = Field(default=128 * 1024 * 1024, gt=0)
    """Bytes of reads and pictures that one release may hold."""


@dataclass(kw_only=True)
class ReleaseRoom(Room):
    """Database and records as every service has them, the limits of a release, and who signs manifests."""

    settings: ReleaseSettings
    signer: NoteSigner


Here = Annotated[ReleaseRoom, Depends(edge.room)]
"""The room, as a door gets it."""


@asynccontextmanager
async def open_room(foundation: Foundation, settings: ReleaseSettings) -> AsyncIterator[ReleaseRoom]:
    """Release over its own database; makes the signing key when there is none."""
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        yield ReleaseRoom(
            foundation=foundation,
            db=db,
            recorder=Recorder(NAME, foundation.keys, foundation.policies, foundation.clock),
            settings=settings,
            signer=NoteSigner(settings.origin, await foundation.keys.key(SIGNING_KEY)),
        )
