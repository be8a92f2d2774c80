"""The ledger's own settings, and what it holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from platekeeper_access_audit.ledger.checkpoints import Signer
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.notes import KeyName
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import PREFIX, ServiceSettings

NAME = "ledger"
SIGNING_KEY = "checkpoint/ed25519"
"""The name in the key store under which the seed of the signing key lies, wrapped."""


class LedgerSettings(ServiceSettings):
    """Settings of the ledger, `PLATEKEEPER_LEDGER_*`."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}LEDGER_", frozen=True, extra="forbid")

    origin: KeyName = "localhost/platekeeper/ledger"
    """Names the log in its checkpoints, for ever: a host name of yours and a path, without scheme."""


@dataclass(kw_only=True)
class LedgerRoom(Room):
    """Database and records as every service has them, who signs checkpoints, and where they are kept."""

    signer: Signer
    checkpoints: Path


@asynccontextmanager
async def open_room(foundation: Foundation, settings: LedgerSettings) -> AsyncIterator[LedgerRoom]:
    """The ledger over its own database; makes the signing key when there is none."""
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        yield LedgerRoom(
            foundation=foundation,
            db=db,
            recorder=Recorder(NAME, foundation.keys, foundation.policies, foundation.clock),
            signer=Signer(settings.origin, await foundation.keys.key(SIGNING_KEY)),
            checkpoints=foundation.settings.var / "checkpoints",
        )
