"""The topics of the platform on Kafka: declared in code, made and mended by `declare_topics`."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.bus.kafka_clients import Clients, Connected, Patience, answered
from platekeeper_common.events.catalogue import TOPICS
from platekeeper_common.events.envelope import Topic

DAY = timedelta(days=1)
SET_ON_THE_TOPIC = 1
"""Where a topic's setting comes from, in the protocol: the topic itself, not a default of the brokers."""

log = structlog.get_logger()


class WrongTopic(ValueError):
    """A topic is there with another number of partitions than the code declares; they are fixed for life."""


def settings_of(topic: Topic, longest_kept: timedelta = timedelta.max) -> dict[str, str]:
    """What Kafka must know of a topic. `longest_kept` caps the retention of those that are not compacted.

    Kafka deletes and compacts whole closed segments, so one is closed each day. A word that a newer one of its key
    replaces stays as long as a group may still have to handle it: the topic's retention. What is kept for a group Kafka
    itself never deletes; pruning does.
    """
    if topic.compacted:
        lag = topic.retention
        return {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": _ms(lag),
            "max.compaction.lag.ms": _ms(lag + DAY),
            "segment.ms": _ms(DAY),
        }
    if topic.kept_for:
        return {"cleanup.policy": "delete", "retention.ms": "-1", "segment.ms": _ms(DAY)}
    kept = min(topic.retention, longest_kept)
    return {"cleanup.policy": "delete", "retention.ms": _ms(kept), "segment.ms": _ms(min(DAY, kept))}


async def declare_topics(
    servers: Sequence[str],
    *,
    prefix: str = "",
    topics: Iterable[Topic] = tuple(TOPICS.values()),
    longest_kept: timedelta = timedelta.max,
    replication: int = -1,
    patience: Patience | None = None,
) -> None:
    """Make the topics that are missing, and set what differs in those that are there. Safe to run twice, or at once.

    `replication` is the number of copies, -1: the brokers' default. Raises WrongTopic naming a topic whose number of
    partitions is another, Unavailable.
    """
    patience = patience or Patience(answer=30)
    wanted = {prefix + topic.name: topic for topic in topics}
    clients = Clients(servers, patience)
    connected = Connected(clients, clients.admin)
    try:
        async with answered(patience.answer, "declare its topics"):
            admin = await connected.get()
            await _make(admin, wanted, longest_kept, replication)
            await _check_partitions(admin, wanted)
            await _mend(admin, {name: settings_of(topic, longest_kept) for name, topic in wanted.items()})
    finally:
        await connected.close()
        await clients.close()


async def _make(admin: Any, wanted: Mapping[str, Topic], longest_kept: timedelta, replication: int) -> None:
    there = set(await admin.list_topics())
    missing = [
        NewTopic(name, topic.partitions, 1, topic_configs=settings_of(topic, longest_kept))
        for name, topic in wanted.items()
        if name not in there
    ]
    for topic in missing:
        topic.replication_factor = replication  # the client refuses -1 when asked at once; brokers know it
    if not missing:
        return
    answer = await admin.create_topics(missing)
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise Unavailable(f"topic {name} could not be made: {error.__name__} {message[0] if message else ''}")
    log.info("topics_made", topics=[topic.name for topic in missing])


async def _check_partitions(admin: Any, wanted: Mapping[str, Topic]) -> None:
    told = await admin.describe_topics(list(wanted))
    while any(described["error_code"] != NoError.errno for described in told):  # just made: not every broker knows yet
        await asyncio.sleep(0.1)
        told = await admin.describe_topics(list(wanted))
    for described in told:
        name, there = described["topic"], len(described["partitions"])
        if there != (declared := wanted[name].partitions):
            raise WrongTopic(f"topic {name} has {there} partitions, not the {declared} that are declared")


async def _mend(admin: Any, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Set what differs; what operators set besides stays."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted]
    changed = []
    for response in await admin.describe_configs(asked):
        for _code, _message, _kind, name, entries in (resource[:5] for resource in response.resources):
            present = {entry[0]: entry[1] for entry in entries}
            own = {entry[0]: entry[1] for entry in entries if entry[3] == SET_ON_THE_TOPIC}
            if any(present.get(key) != value for key, value in wanted[name].items()):
                changed.append(ConfigResource(ConfigResourceType.TOPIC, name, configs={**own, **wanted[name]}))
    if not changed:
        return
    for response in await admin.alter_configs(changed):
        for code, message, _kind, name, *_ in response.resources:
            if code:
                raise Unavailable(f"topic {name} could not be changed: {message or for_code(code).__name__}")
    log.info("topics_changed", topics=[resource.name for resource in changed])


def _ms(span: timedelta) -> str:
    return str(span // timedelta(milliseconds=1))
