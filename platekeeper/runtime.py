"""Makes services run: one ASGI app routed by their paths, one task group of consumers, followers, relays and jobs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from sqlalchemy import literal, make_url, select
from starlette.types import ASGIApp, Receive, Scope, Send

from platekeeper import parts
from platekeeper.parts import Running, Told, Watch
from platekeeper_common import app as apps
from platekeeper_common import forgetting
from platekeeper_common import settings as environment
from platekeeper_common.app import Health
from platekeeper_common.auth import KeySet
from platekeeper_common.baseline import Baseline
from platekeeper_common.bus.consumer import Consumer
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.bus.follower import Follower
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.db import Database
from platekeeper_common.edge import problem
from platekeeper_common.events.access import AccessRevoked, AgencyChanged, CheckpointSigned, PolicyAdopted
from platekeeper_common.foundation import open_foundation
from platekeeper_common.log import describe
from platekeeper_common.migrate import demand_migrated, migrate
from platekeeper_common.observe import Observe
from platekeeper_common.policy import Sections
from platekeeper_common.public_statements import Speaker
from platekeeper_common.relay import Relay
from platekeeper_common.service import BOTH, Foundation, Job, Role, Room, Service
from platekeeper_common.settings import ServiceSettings, Settings

VERSION = version("platekeeper")
FOUNDATION = "foundation"
"""Names what belongs to the process rather than to one of its services."""
PRUNE_SECONDS = 600.0
READY_SECONDS = 30.0
FLUSH_SECONDS = 3.0
"""How long what was emitted last may take to leave when the process stops; what is left leaves with the next one."""
_log = structlog.get_logger()


@dataclass(slots=True)
class Course:
    """How far the process is: whether it has been told to stop, and whether a part of it is past mending."""

    stopping: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Standing:
    """Services that stand: their rooms, their apps and everything that runs for them."""

    foundation: Foundation
    services: Sequence[Service]
    rooms: Mapping[str, Room]
    apps: Mapping[str, FastAPI]
    doors: Mapping[str, ASGIApp]
    """The apps as callers and neighbours reach them."""
    parts: Mapping[str, list[Running]]
    course: Course
    app: ASGIApp

    def trouble(self) -> list[str]:
        """What does not do its work, one line each."""
        return [part.trouble for part in self._running() if part.trouble]

    def dead(self) -> list[str]:
        """What only a new process would mend, one line each."""
        return [part.dead for part in self._running() if part.dead]

    async def ready(self) -> None:
        """Return when every part does its work. Raises TimeoutError naming those that do not."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while self.trouble():  # noqa: ASYNC110 - parts of many kinds, each with its own word
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise TimeoutError("; ".join(self.trouble())) from error

    async def drain(self) -> None:
        """Let the consumers finish what they have in hand and leave their groups; the rest goes on."""
        await parts.stop(part for part in self._running() if isinstance(part.part, Consumer))

    def _running(self) -> list[Running]:
        return [part for group in self.parts.values() for part in group]


def route(
    services: Sequence[Service],
    built: Mapping[str, ASGIApp],
    rest: ASGIApp | None = None,
    *,
    roles: frozenset[Role] = BOTH,
) -> ASGIApp:
    """One app that hands each request to the service whose path prefix is the longest match, and others to `rest`."""
    prefixes = sorted(
        ((path, built[service.name]) for service in services for path in apps.paths(service, roles)),
        key=lambda pair: -len(pair[0]),
    )

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        for prefix, app in prefixes:
            if path == prefix or path.startswith(f"{prefix.rstrip('/')}/"):
                await app(scope, receive, send)
                return
        if rest is None:
            await problem(404, "not_found", "nothing here")(scope, receive, send)
        else:
            await rest(scope, receive, send)

    return routed


@asynccontextmanager
async def stand(
    services: Sequence[Service],
    settings: Settings,
    sections: Sections,
    *,
    roles: frozenset[Role] = BOTH,
    clock: Clock = utc_now,
    own: Mapping[str, ServiceSettings] | None = None,
    fetch_keys: Callable[[], Awaitable[KeySet]] | None = None,
    rest: Callable[[Foundation, Health], ASGIApp] | None = None,
) -> AsyncIterator[Standing]:
    """Open the services in this process, in the roles, and let them run until the block ends.

    `sections` are those of every service, whichever stand here. `own` gives settings to services by name instead of
    the environment's; `fetch_keys` replaces asking accounts for the token keys; `rest` answers the paths that no
    service does. On the embedded databases the services are migrated first.
    """
    built: dict[str, FastAPI] = {}
    doors: dict[str, ASGIApp] = {}
    rooms: dict[str, Room] = {}
    running: dict[str, list[Running]] = {FOUNDATION: [], **{service.name: [] for service in services}}
    course = Course()

    def health(name: str) -> Health:
        own = partial(running.__getitem__, name)
        return Health(own, partial(running.__getitem__, FOUNDATION), lambda: course.stopping)

    async with AsyncExitStack() as stack:
        opened = open_foundation(settings, sections, doors.__getitem__, roles=roles, clock=clock, fetch_keys=fetch_keys)
        foundation = await stack.enter_async_context(opened)
        for service in services:
            await bring_to_today(settings.database_of(service.name), service)
            section = (own or {}).get(service.name) or environment.load(service.settings)
            rooms[service.name] = room = await stack.enter_async_context(service.open(foundation, section))
            built[service.name] = apps.build(service, room, section, health(service.name))
            doors[service.name] = Observe(built[service.name], room.meter)
            room.meter.declare(*service.counted)
        stack.push_async_callback(_stop, running, rooms)
        registers = _registers(foundation)
        running[FOUNDATION] += _shared_parts(foundation, registers, course.died.set)
        async with asyncio.timeout(READY_SECONDS):  # nobody is let in on a token that was revoked before a restart
            await asyncio.gather(*(follower.caught_up() for follower in registers.values()))
        for service in services:
            room = rooms[service.name]
            running[service.name] += _service_parts(service, room, built[service.name], course.died.set)
            _log.info("service started", service=service.name, roles=sorted(roles), version=VERSION)
        others = Observe(rest(foundation, health(FOUNDATION)), foundation.meters.of("pages")) if rest else None
        app = route(services, doors, others, roles=roles)
        yield Standing(foundation, services, rooms, built, doors, running, course, app)


async def bring_to_today(url: str, service: Service) -> None:
    """Migrate a database that is a file of ours; where its roles may not, demand that it has been done."""
    if make_url(url).get_backend_name() == "sqlite":
        await migrate(url, service.migrations)
    else:
        await demand_migrated(url, service.migrations)


def _registers(foundation: Foundation) -> dict[str, Follower]:
    """What every process follows: who may, under which policy, and how far the ledger is signed."""
    applied = (
        (AgencyChanged.topic, foundation.policies.apply),
        (PolicyAdopted.topic, foundation.policies.adopt),
        (AccessRevoked.topic, foundation.verifier.revoke),
        (CheckpointSigned.topic, foundation.checkpoints.apply),
    )
    return {f"follow {topic.name}": Follower(foundation.bus, topic, apply) for topic, apply in applied}


def _shared_parts(foundation: Foundation, registers: Mapping[str, Follower], died: Callable[[], None]) -> list[Running]:
    bus = Watch(lambda: foundation.bus.backlog("nobody", CheckpointSigned.topic))
    keys = Watch(foundation.verifier.learn)
    policies = Watch(foundation.policies.demand_usable)
    return [
        *(Running(name, follower.run(), follower, died=died) for name, follower in registers.items()),
        Running("bus", bus.run(), bus, died=died),
        Running("producer", foundation.bus.until_fenced(), died=died),
        Running("policies", policies.run(), policies, died=died),
        Running("token keys", keys.run(), keys, died=died),
        Running("prune the bus", _prune(foundation), died=died),
    ]


def _service_parts(service: Service, room: Room, app: FastAPI, died: Callable[[], None]) -> list[Running]:
    foundation = room.foundation
    start = partial(Running, died=died)
    relay = Relay(room.db, foundation.bus, service.name)
    database = Watch(partial(_ask, room.db))
    running = [
        start("relay", relay.run(), relay),
        start("database", database.run(), database),
        start("strangers", app.state.strangers.run(room)),
    ]
    for follows in service.follows:
        follower = Follower(foundation.bus, follows.topic, follows.apply(room))
        running.append(start(f"follow {follows.topic.name}", follower.run(), follower))
    for consumes in service.consumes if "worker" in foundation.roles else ():
        consumer = Consumer(
            foundation.bus,
            consumes.group,
            consumes.topics,
            consumes.handler(room),
            room.dead_letters,
            clock=room.clock,
            most=consumes.most,
            gather=consumes.gather,
            drain=foundation.settings.drain_seconds,
        )
        running.append(start(f"consume {consumes.group}", consumer.run(), consumer))
    if service.consumes and "worker" in foundation.roles:
        running.append(start("forget dead letters", forgetting.run(room)))
    if (service.says or service.tallies) and service.states_as in foundation.roles:
        speaker = Speaker(service.name, room, foundation.policies, service.says, service.tallies)
        running.append(start("state in public", speaker.run(foundation.settings.statement_seconds)))
    if service.states_as in foundation.roles:
        baseline = Baseline(room, service)
        running.append(start("baseline", baseline.run(foundation.settings.baseline_hours * 3600), baseline))
    jobs = [job for job in service.jobs if job.roles & foundation.roles]
    return running + [start(job.name, _run(job, room), Told(partial(job.trouble, room))) for job in jobs]


async def _ask(db: Database) -> None:
    async with db.tx() as tx:
        await tx.rows(select(literal(1)))


async def _run(job: Job, room: Room) -> None:
    await job.run(room)


async def _prune(foundation: Foundation) -> None:
    while True:
        await asyncio.sleep(PRUNE_SECONDS)
        try:
            await foundation.bus.prune()
        except Unavailable as error:
            _log.warning("bus not pruned", reason=str(error))


async def _stop(running: Mapping[str, list[Running]], rooms: Mapping[str, Room]) -> None:
    """Consumers first, who may need the rest to finish; the relays last, so that what was emitted still leaves."""
    every = [part for group in running.values() for part in group]
    await parts.stop(part for part in every if isinstance(part.part, Consumer))
    await parts.stop(part for part in every if not isinstance(part.part, Relay))
    await asyncio.gather(*(_flush(part) for part in every if isinstance(part.part, Relay)))
    for name in rooms:
        _log.info("service stopped", service=name)


async def _flush(part: Running) -> None:
    """Send what is left, then stop: what cannot leave now stays in the outbox."""
    await part.stop()
    relay = part.part
    assert isinstance(relay, Relay)  # noqa: S101 - the caller chose it
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await relay.flush()
    except Exception as error:  # noqa: BLE001 - whatever it is, the outbox keeps what did not leave
        _log.warning("outbox not emptied", error=describe(error))
