"""Makes services run: one ASGI app routed by their paths, one task group of consumers, followers, relays and jobs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from platekeeper_common import app as apps
from platekeeper_common import settings as environment
from platekeeper_common.auth import KeySet
from platekeeper_common.bus.consumer import Consumer, Follower
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.edge import problem
from platekeeper_common.events.access import AccessRevoked, AgencyChanged, CheckpointSigned
from platekeeper_common.foundation import open_foundation
from platekeeper_common.log import describe
from platekeeper_common.migrate import migrate
from platekeeper_common.observe import Observe
from platekeeper_common.policy import Sections
from platekeeper_common.relay import Relay
from platekeeper_common.service import Foundation, Job, Room, Service
from platekeeper_common.settings import ServiceSettings, Settings

VERSION = version("platekeeper")
PRUNE_SECONDS = 600.0
READY_SECONDS = 30.0
_log = structlog.get_logger()


class Running:
    """A part of a service and the task that runs it; says when the task has died."""

    def __init__(self, name: str, run: Coroutine[Any, Any, None], part: apps.Part | None = None) -> None:
        """Start at once. A `part` knows its own trouble; without one the task's end is all that can be wrong."""
        self.name = name
        self.part = part
        self.task = asyncio.create_task(run, name=name)
        self.task.add_done_callback(self._say_death)

    @property
    def trouble(self) -> str | None:
        """Why it does not do its work; None when it does."""
        trouble = self.part.trouble if self.part else None
        if self.task.done() and trouble is None:
            error = None if self.task.cancelled() else self.task.exception()
            return f"{self.name}: ended" + (f" by {type(error).__name__}" if error else "")
        return f"{self.name}: {trouble}" if trouble else None

    async def stop(self) -> None:
        """Cancel and wait; a part that died before has said so in the log."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def _say_death(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("part failed", part=self.name, error=describe(error))


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
    app: ASGIApp

    async def until_fenced(self) -> None:
        """Wait for ever; raises Fenced once this process can publish no more and must end."""
        await self.foundation.bus.until_fenced()

    def trouble(self) -> list[str]:
        """What does not do its work, one line each."""
        return [part.trouble for parts in self.parts.values() for part in parts if part.trouble]

    async def ready(self) -> None:
        """Return when every part does its work. Raises TimeoutError naming those that do not."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while self.trouble():  # noqa: ASYNC110 - parts of many kinds, each with its own word
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise TimeoutError("; ".join(self.trouble())) from error


def route(services: Sequence[Service], built: Mapping[str, ASGIApp], rest: ASGIApp | None = None) -> ASGIApp:
    """One app that hands each request to the service whose path prefix is the longest match, and others to `rest`."""
    prefixes = sorted(
        ((path, built[service.name]) for service in services for path in apps.paths(service)),
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
    clock: Clock = utc_now,
    own: Mapping[str, ServiceSettings] | None = None,
    fetch_keys: Callable[[], Awaitable[KeySet]] | None = None,
    rest: Callable[[Foundation], ASGIApp] | None = None,
) -> AsyncIterator[Standing]:
    """Migrate and open the services in this process, and let them run until the block ends.

    `sections` are those of every service, whichever stand here. `own` gives settings to services by name instead of
    the environment's; `fetch_keys` replaces asking accounts for the token keys; `rest` answers the paths that no
    service does.
    """
    built: dict[str, FastAPI] = {}
    doors: dict[str, ASGIApp] = {}
    rooms: dict[str, Room] = {}
    parts: dict[str, list[Running]] = {service.name: [] for service in services}
    async with AsyncExitStack() as stack:
        opened = open_foundation(settings, sections, doors.__getitem__, clock=clock, fetch_keys=fetch_keys)
        foundation = await stack.enter_async_context(opened)
        for service in services:
            await migrate(settings.database_of(service.name), service.migrations)
            section = (own or {}).get(service.name) or environment.load(service.settings)
            rooms[service.name] = room = await stack.enter_async_context(service.open(foundation, section))
            built[service.name] = apps.build(service, room, section, partial(parts.__getitem__, service.name))
            doors[service.name] = Observe(built[service.name], room.meter)
            room.meter.declare(*service.counted)
        stack.push_async_callback(_stop, parts)
        followers = _registers(foundation)
        parts["foundation"] = [
            *(Running(name, follower.run(), follower) for name, follower in followers.items()),
            Running("prune the bus", _prune(foundation)),
            Running("publish", foundation.bus.until_fenced()),
        ]
        async with asyncio.timeout(READY_SECONDS):  # nobody is let in on a token that was revoked before a restart
            await asyncio.gather(*(follower.caught_up() for follower in followers.values()))
        for service in services:
            parts[service.name] += _service_parts(service, rooms[service.name], built[service.name])
            _log.info("service started", service=service.name, version=VERSION)
        others = Observe(rest(foundation), foundation.meters.of("pages")) if rest else None
        yield Standing(foundation, services, rooms, built, doors, parts, route(services, doors, others))


def _registers(foundation: Foundation) -> dict[str, Follower]:
    """What every process follows: who may, under which policy, and how far the ledger is signed."""
    applied = (
        (AgencyChanged.topic, foundation.policies.apply),
        (AccessRevoked.topic, foundation.verifier.revoke),
        (CheckpointSigned.topic, foundation.checkpoints.apply),
    )
    return {f"follow {topic.name}": Follower(foundation.bus, topic, apply) for topic, apply in applied}


def _service_parts(service: Service, room: Room, app: FastAPI) -> list[Running]:
    bus, clock = room.foundation.bus, room.clock
    relay = Relay(room.db, bus, service.name)
    running = [Running("relay", relay.run(), relay), Running("strangers", app.state.strangers.run(room))]
    for follows in service.follows:
        follower = Follower(bus, follows.topic, follows.apply(room))
        running.append(Running(f"follow {follows.topic.name}", follower.run(), follower))
    for consumes in service.consumes:
        drain = room.foundation.settings.drain_seconds
        consumer = Consumer(
            bus,
            consumes.group,
            consumes.topics,
            consumes.handler(room),
            room.dead_letters,
            clock=clock,
            most=consumes.most,
            drain=drain,
        )
        running.append(Running(f"consume {consumes.group}", consumer.run(), consumer))
    return running + [Running(job.name, _run(job, room)) for job in service.jobs]


async def _run(job: Job, room: Room) -> None:
    await job.run(room)


async def _prune(foundation: Foundation) -> None:
    while True:
        await asyncio.sleep(PRUNE_SECONDS)
        try:
            await foundation.bus.prune()
        except Unavailable as error:
            _log.warning("bus not pruned", reason=str(error))


async def _stop(parts: Mapping[str, list[Running]]) -> None:
    """Consumers, jobs and followers first, so that what they emitted still leaves by the relays."""
    running = [part for group in parts.values() for part in group]
    relays = [part for part in running if part.name == "relay"]
    await asyncio.gather(*(part.stop() for part in running if part not in relays))
    await asyncio.gather(*(part.stop() for part in relays))
    for name in parts.keys() - {"foundation"}:
        _log.info("service stopped", service=name)
