"""`/metrics`: how the process's services stand, for operators on an internal port; never by the public door (G2)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from platekeeper.parts import Running
from platekeeper.runtime import FOUNDATION, VERSION, Standing
from platekeeper_common import dead_letters, relay
from platekeeper_common.baseline import Baseline
from platekeeper_common.bus.consumer import Consumer
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.clock import Clock
from platekeeper_common.events.catalogue import TOPICS
from platekeeper_common.log import describe
from platekeeper_common.metrics import CONTENT_TYPE, NAME, Readings, Say, counter, gauge
from platekeeper_common.service import Consumes, Foundation, Room, Service

PARTITIONS = tuple(map(str, range(max(topic.partitions for topic in TOPICS.values()))))

BUILD = gauge("platekeeper_build_info", "Always 1; the version that runs.", version=(VERSION,))
UNREAD = gauge("platekeeper_figures_unread", "1 when a service's figures could not be read, so that they are missing.")
PART_READY = gauge(
    "platekeeper_part_ready", "Whether a consumer, a follower, the relay or a job does its work.", part=NAME
)
BEHIND = gauge(
    "platekeeper_consumer_lag_events",
    "Events that a consumer group has yet to handle.",
    group=NAME,
    topic=tuple(TOPICS),
    partition=PARTITIONS,
)
BEHIND_SECONDS = gauge(
    "platekeeper_consumer_lag_seconds",
    "Age of the oldest event that a consumer group has yet to handle; 0 when none waits.",
    group=NAME,
    topic=tuple(TOPICS),
    partition=PARTITIONS,
)
HANDLED = counter("platekeeper_consumer_events", "Events handled.", group=NAME)
BURIED = counter("platekeeper_consumer_dead_lettered", "Events put into the dead letters.", group=NAME)
DEAD_LETTERS = gauge("platekeeper_dead_letters", "Dead letters that wait for a person.", group=NAME)
OUTBOX = gauge("platekeeper_outbox_events", "Events committed that the bus does not have yet.")
OUTBOX_SECONDS = gauge("platekeeper_outbox_oldest_age_seconds", "Age of the oldest of them; 0 when there is none.")
UNSENT_RECORD = gauge(
    "platekeeper_audit_unsent_age_seconds",
    "Age of the oldest access record that the bus does not have yet; 0 when there is none.",
)
CHECKPOINT_AGE = gauge(
    "platekeeper_audit_checkpoint_age_seconds",
    "Age of the ledger's last checkpoint; while none is known, of the process.",
)
DRIFT = gauge("platekeeper_baseline_drift", "Checks of the security baseline that failed at the last look.")
UNSIGNED = gauge(
    "platekeeper_policies_unsigned", "Agencies of whose policy the last word bears no signature that holds."
)
CHECKPOINT_SIZE = gauge("platekeeper_audit_checkpoint_records", "Access records that the last checkpoint signs.")


def door(standing: Standing) -> ASGIApp:
    """An app that answers GET /metrics and nothing else."""
    turn = asyncio.Lock()

    async def metrics(_request: Request) -> Response:
        async with turn:
            return Response(await text(standing), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/metrics", metrics)])


async def text(standing: Standing) -> bytes:
    """Every figure, in Prometheus' text format. A service that cannot tell its own is named, the others are told."""
    readings = Readings()
    _read_foundation(standing.foundation, readings.of(FOUNDATION))
    _read_parts(standing.parts[FOUNDATION], readings.of(FOUNDATION))
    for service in standing.services:
        say, room = readings.of(service.name), standing.rooms[service.name]
        _read_parts(standing.parts[service.name], say)
        seconds = standing.foundation.settings.query_seconds
        unread = [not await _told(read, service, room, say, seconds) for read in (_read_room, _read_lag, _read_own)]
        say(UNREAD, any(unread))
    return readings.told(standing.foundation.meters)


async def _told(
    read: Callable[[Service, Room, Say], Awaitable[None]], service: Service, room: Room, say: Say, seconds: float
) -> bool:
    """Whether the figures could be read within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await read(service, room, say)
    except (Unavailable, SQLAlchemyError, TimeoutError) as error:
        structlog.get_logger().warning("figures not read", service=service.name, error=describe(error))
        return False
    return True


def _read_foundation(foundation: Foundation, say: Say) -> None:
    checkpoints = foundation.checkpoints
    say(BUILD, 1, version=VERSION)
    say(UNSIGNED, foundation.policies.unsigned)
    say(CHECKPOINT_AGE, _age(checkpoints.as_of, foundation.clock))
    if checkpoints.last is not None:
        say(CHECKPOINT_SIZE, checkpoints.last.size)


def _read_parts(parts: Sequence[Running], say: Say) -> None:
    for running in parts:
        say(PART_READY, running.trouble is None, part=running.name)
        if isinstance(running.part, Consumer):
            say(HANDLED, running.part.handled, group=running.part.group)
            say(BURIED, running.part.dead_lettered, group=running.part.group)
        if isinstance(running.part, Baseline):
            say(DRIFT, len(running.part.drifted))


async def _read_room(service: Service, room: Room, say: Say) -> None:
    async with room.db.tx() as tx:
        unsent = await relay.unsent(tx)
        letters = await dead_letters.by_group(tx)
    say(OUTBOX, unsent.events)
    say(OUTBOX_SECONDS, _age(unsent.oldest, room.clock))
    say(UNSENT_RECORD, _age(unsent.oldest_record, room.clock))
    for group in {consumes.group for consumes in service.consumes} | letters.keys():
        say(DEAD_LETTERS, letters.get(group, 0), group=group)


async def _read_lag(service: Service, room: Room, say: Say) -> None:
    async def read(consumes: Consumes) -> None:
        for lag in await room.foundation.bus.lag(consumes.group, consumes.topics):
            place = {"group": lag.group, "topic": lag.topic, "partition": str(lag.partition)}
            say(BEHIND, lag.behind, **place)
            if lag.waiting_since is not None or not lag.behind:
                say(BEHIND_SECONDS, _age(lag.waiting_since, room.clock), **place)

    for consumes in service.consumes if "worker" in room.foundation.roles else ():
        await read(consumes)


async def _read_own(service: Service, room: Room, say: Say) -> None:
    await service.figures(room, say)


def _age(since: datetime | None, clock: Clock) -> float:
    return 0.0 if since is None else max(0.0, (clock() - since).total_seconds())
