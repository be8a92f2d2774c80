"""Accounts' own settings, and what the service holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from platekeeper_access_audit.accounts.passwords import Passwords
from platekeeper_access_audit.accounts.signing import SigningKeys
from platekeeper_common import edge
from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.events.public import PolicyPublished
from platekeeper_common.ids import AgencyId
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import ServiceSettings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts that are this machine."""


class AccountsSettings(ServiceSettings):
    """Passwords take what RFC 9106 recommends where memory is short (4: second choice)."""

    model_config = SettingsConfigDict(env_prefix="PLATEKEEPER_ACCOUNTS_", frozen=True, extra="forbid")

    argon2_time_cost: int = Field(default=3, ge=1)
    argon2_memory_kib: int = Field(default=65_536, ge=8)
    argon2_parallelism: int = Field(default=4, ge=1)
    logins_at_once: int = Field(default=2, ge=1)
    """Passwords that are verified beside each other, each in its own thread and memory."""
    logins_waiting: int = Field(default=50, ge=0)
    """Further logins that wait for their turn; the rest are answered 503."""
    acts_within: float = Field(default=2.0, ge=0)
    """Seconds for which a session that has just become idle is given, at a refresh, for word of its last act."""
    signing_key_days: int = Field(default=90, ge=1)
    """How long a key signs tokens before the next takes over."""
    notices_every_seconds: float = Field(default=3600, gt=0)
    """How often the worker looks for notices that are due."""
    origin: str = "http://localhost:8080"
    """Where people open the platform, as their browsers name it (RFC 6454): passkeys are bound to its host name, and
    trusted issuers send people back there."""

    @field_validator("origin")
    @classmethod
    def _secure(cls, origin: str) -> str:
        """Refuse what is no origin, and an unencrypted one of another machine: browsers offer no passkeys there."""
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("http", "https") or parts.username:
            raise ValueError("must be an origin, as https://alpr.example.gov")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must begin with https:// unless it is this machine's own")
        return origin


@dataclass(kw_only=True)
class AccountsRoom(Room):
    """Database and records as every service has them, the password hasher and the signing keys."""

    settings: AccountsSettings
    passwords: Passwords
    signing: SigningKeys
    origin: str
    """Where people open the platform."""
    published: dict[AgencyId, PolicyPublished] = field(default_factory=dict)
    """The policy in force of each agency that has published one."""
    notices_every: float
    """Seconds."""


Here = Annotated[AccountsRoom, Depends(edge.room)]
"""The room, as a door gets it."""


@asynccontextmanager
async def open_room(foundation: Foundation, settings: AccountsSettings) -> AsyncIterator[AccountsRoom]:
    """Open the database; make the first signing key when there is none."""
    async with Database.open(foundation.settings.database_of("accounts"), foundation.clock) as db:
        signing = SigningKeys(foundation.keys, foundation.clock, life=timedelta(days=settings.signing_key_days))
        await signing.begin()
        yield AccountsRoom(
            foundation=foundation,
            db=db,
            recorder=Recorder("accounts", foundation.keys, foundation.policies, foundation.clock),
            settings=settings,
            passwords=Passwords(
                time_cost=settings.argon2_time_cost,
                memory_kib=settings.argon2_memory_kib,
                parallelism=settings.argon2_parallelism,
                at_once=settings.logins_at_once,
                waiting=settings.logins_waiting,
            ),
            signing=signing,
            origin=settings.origin,
            notices_every=settings.notices_every_seconds,
        )
