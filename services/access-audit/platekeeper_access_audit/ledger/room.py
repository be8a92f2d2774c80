"""The ledger's own settings, and what it holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from platekeeper_access_audit.ledger import panel
from platekeeper_access_audit.ledger.archive import Archive
from platekeeper_access_audit.ledger.checkpoints import Signer
from platekeeper_access_audit.ledger.panel import Panel
from platekeeper_common import edge, stores
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.errors import Busy
from platekeeper_common.events.access import CheckpointSigned
from platekeeper_common.notes import KeyName, NoteSigner
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import PREFIX, ServiceSettings

NAME = "ledger"
SIGNING_KEY = "checkpoint/ed25519"
"""The name in the key store under which the seed of the signing key lies, wrapped."""
EXPORT_KEY = "export/ed25519"
"""That of the key by which any process of the ledger signs what it says of exports."""

_NOT_HEARD = "the last checkpoint has not been heard of yet; try again"


class LedgerSettings(ServiceSettings):
    """Settings of the ledger, `PLATEKEEPER_LEDGER_*`."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}LEDGER_", frozen=True, extra="forbid")

    origin: KeyName = "localhost/platekeeper/ledger"
    """Names the log in its checkpoints, for ever: a host name of yours and a path, without scheme."""
    checkpoints: str = ""
    """Where checkpoints are kept, each once. Empty: `checkpoints` under `PLATEKEEPER_VAR`; a folder; or
    `s3://BUCKET[/PREFIX]`, best one that lets nobody delete or write over (object lock)."""
    witnesses: str = ""
    """Who cosigns the checkpoints: `VKEY URL[, VKEY URL...]` (C2SP tlog-witness)."""
    witnesses_needed: int | None = Field(default=None, ge=0)
    """How many of them a checkpoint needs; unset: all."""
    witness_minutes: float = Field(default=15, gt=0)
    """For how long checkpoints may go without that many before it is an alarm."""


@dataclass(kw_only=True)
class LedgerRoom(Room):
    """Database and records as every service has them, who signs checkpoints, and where they are kept."""

    origin: str
    """Names the log in its checkpoints."""
    signing: Signer | None
    """Only in a worker: it is the sequencer, and no other process opens the signing key."""
    exporting: NoteSigner
    """Signs what is said of exports; the ledger vouches for its key."""
    archive: Archive
    """Where checkpoints are kept, each once."""
    panel: Panel
    """Who cosigns them."""
    refusing: set[str] = field(default_factory=set)
    """Witnesses that know of another tree than this ledger's, as this process was told."""

    @property
    def signer(self) -> Signer:
        """Who signs checkpoints. Raises LookupError in a process that is not the sequencer."""
        if self.signing is None:
            raise LookupError("only the ledger's worker holds the signing key")
        return self.signing

    @property
    def verifier_key(self) -> str:
        """The key that opens the checkpoints, as the sequencer tells every process with each of them.

        Raises Busy `checkpoint_not_heard` in a process that has heard of none.
        """
        return self.signing.key if self.signing is not None else self._heard().verifier_key

    @property
    def vouched(self) -> str:
        """The ledger's signed note that names the key of `exporting`. Raises Busy `checkpoint_not_heard`."""
        if self.signing is not None:
            return self.signing.vouch(self.exporting.key)
        if not (exports := self._heard().exports):
            raise Busy(_NOT_HEARD, code="checkpoint_not_heard")
        return exports

    def _heard(self) -> CheckpointSigned:
        last = self.foundation.checkpoints.last
        if last is None or last.origin != self.origin:
            raise Busy(_NOT_HEARD, code="checkpoint_not_heard")
        return last


Here = Annotated[LedgerRoom, Depends(edge.room)]
"""The room, as a door gets it."""


@asynccontextmanager
async def open_room(foundation: Foundation, settings: LedgerSettings) -> AsyncIterator[LedgerRoom]:
    """The ledger over its own database; the sequencer makes the signing key when there is none."""
    sequencer = "worker" in foundation.roles
    cosigners = panel.panel(
        settings.witnesses, settings.witnesses_needed, settings.witness_minutes, variable=f"{PREFIX}LEDGER_WITNESSES"
    )
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        yield LedgerRoom(
            foundation=foundation,
            db=db,
            recorder=Recorder(NAME, foundation.keys, foundation.policies, foundation.clock),
            origin=settings.origin,
            exporting=NoteSigner(f"{settings.origin}/exports", await foundation.keys.key(EXPORT_KEY)),
            signing=Signer(settings.origin, await foundation.keys.key(SIGNING_KEY)) if sequencer else None,
            archive=_archive(settings, foundation.settings.var),
            panel=cosigners,
        )


def _archive(settings: LedgerSettings, var: Path) -> Archive:
    """Where checkpoints go. Raises SettingsError."""
    if settings.checkpoints.startswith("s3://"):
        variable = f"{PREFIX}LEDGER_CHECKPOINTS"
        return Archive(stores.bucket("checkpoints", settings.checkpoints, variable=variable))
    return Archive(Path(settings.checkpoints) if settings.checkpoints else var / "checkpoints")
