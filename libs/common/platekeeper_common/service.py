"""What a service is: one declaration per service, from which the runtime builds processes, routes and walls."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter

from platekeeper_common.access import Recorder
from platekeeper_common.auth import Verifier
from platekeeper_common.bus.contract import Apply, Bus, Handler
from platekeeper_common.checkpoints import Checkpoints
from platekeeper_common.clock import Clock
from platekeeper_common.db import Database
from platekeeper_common.dead_letters import DeadLetterBox
from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.ids import Ids
from platekeeper_common.keys import KeyStore
from platekeeper_common.metrics import Instrument, Meter, Meters, Say
from platekeeper_common.objects import Objects
from platekeeper_common.peers import Peers
from platekeeper_common.policies import Policies
from platekeeper_common.policy import PolicySection
from platekeeper_common.public_statements import Says, Tallies
from platekeeper_common.settings import ServiceSettings, Settings

Role = Literal["api", "worker"]
"""What a process does for a service: answer requests, or consume and work. The all-in-one process does both."""
BOTH: frozenset[Role] = frozenset({"api", "worker"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What a process opens once and every service in it stands on."""

    settings: Settings
    roles: frozenset[Role]
    """What this process does for its services."""
    clock: Clock
    ids: Ids
    keys: KeyStore
    objects: Objects
    bus: Bus
    policies: Policies
    verifier: Verifier
    peers: Peers
    checkpoints: Checkpoints
    meters: Meters


@dataclass(kw_only=True)
class Room:
    """What a service holds while it runs; services extend it with their own. Handlers take what they need from it."""

    foundation: Foundation
    db: Database
    recorder: Recorder

    @property
    def clock(self) -> Clock:
        """The present moment."""
        return self.foundation.clock

    @property
    def meter(self) -> Meter:
        """What counts for this service."""
        return self.foundation.meters.of(self.recorder.producer)

    @property
    def dead_letters(self) -> DeadLetterBox:
        """Where this service's consumers put what they cannot handle."""
        return DeadLetterBox(self.db)


@dataclass(frozen=True, slots=True)
class Consumes:
    """A consumer group over topics; each of a group's events is handled by one process."""

    group: str
    topics: tuple[Topic, ...]
    handler: Callable[[Any], Handler]
    """Makes the handler from the service's room."""
    most: int = 500
    """Events a batch; few where each takes long, so that progress is kept and a stop is prompt."""
    gather: float = 0.0
    """Seconds for which events may gather after a batch that was not full: fewer, larger ones where nobody waits."""


@dataclass(frozen=True, slots=True)
class Follows:
    """A topic whose every record every process of the service applies, from the start."""

    topic: Topic
    apply: Callable[[Any], Apply]


def _no_trouble(_room: Any) -> str | None:
    return None


ROLES: tuple[Role, ...] = ("api", "worker")


@dataclass(frozen=True, slots=True)
class Grant:
    """What processes may do with a table of their service in PostgreSQL; whatever is not granted is refused there."""

    table: str
    may: str
    """Privileges as GRANT names them, as `SELECT, INSERT`."""
    roles: tuple[Role, ...] = ROLES


@dataclass(frozen=True, slots=True)
class Job:
    """Something that runs until the service stops, in the processes of its roles."""

    name: str
    run: Callable[[Any], Awaitable[None]]
    roles: frozenset[Role] = frozenset({"worker"})
    trouble: Callable[[Any], str | None] = _no_trouble
    """Why the room cannot do its work for want of what the job does; None when it can."""


Open = Callable[[Foundation, Any], AbstractAsyncContextManager[Room]]
"""Opens the service's room over the foundation, with its own settings."""


async def _no_counts(_room: Any) -> dict[str, int]:
    return {}


async def _no_figures(_room: Any, _say: Say) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service, in one place."""

    name: str
    summary: str
    paths: tuple[str, ...]
    """URL prefixes that it answers; the runtime and the gateway route by them."""
    open: Open
    migrations: Path | None = None
    """The folder of its Alembic revisions; None: only the tables that every service has."""
    grants: tuple[Grant, ...] = ()
    """What its processes may do with its own tables, by their role in PostgreSQL (`provision.py`)."""
    routes: Sequence[APIRouter] = ()
    consumes: tuple[Consumes, ...] = ()
    follows: tuple[Follows, ...] = ()
    emits: tuple[type[Event], ...] = ()
    calls: tuple[str, ...] = ()
    """Services that it asks through its peers; besides, every process asks accounts for the keys of tokens."""
    jobs: tuple[Job, ...] = ()
    policy: Mapping[str, type[PolicySection]] = field(default_factory=dict)
    settings: type[ServiceSettings] = ServiceSettings
    long_bodies: Mapping[str, str] = field(default_factory=dict)
    """Paths of routes whose bodies may be longer than `body_limit`, and the setting that bounds each instead."""
    counts: Callable[[Any], Awaitable[dict[str, int]]] = _no_counts
    """Figures for the start page; never a plate, and cheap enough to be asked for at any time."""
    open_counts: tuple[str, ...] = ()
    """Of them, those that the public door tells: none that a passing car or a person moves (H2)."""
    counted: tuple[Instrument, ...] = ()
    """What its handlers count as it happens."""
    figures: Callable[[Any, Say], Awaitable[None]] = _no_figures
    """Says what operators want to know of the room, each time they ask."""
    says: Says | None = None
    """What it states in public of an agency; asked every minute in its workers, or where it has none in its api."""
    tallies: Tallies | None = None
    """Its figures of an ended month for the public, asked once for each."""
    open_below: tuple[str, ...] = ()
    """Of `paths`, those at which and below which no route asks for a token."""

    @property
    def roles(self) -> tuple[Role, ...]:
        """Those for which it has work: requests to answer, events to consume or jobs to do."""
        works = self.consumes or any("worker" in job.roles for job in self.jobs)
        held: tuple[tuple[Role, object], ...] = (("api", self.routes), ("worker", works))
        return tuple(role for role, there in held if there)

    @property
    def states_as(self) -> Role:
        """In which role it states in public."""
        return "worker" if "worker" in self.roles else "api"
