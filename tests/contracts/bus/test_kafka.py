"""What only the bus on Kafka promises: its topics, its producer, and that brokers may die."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition
from contracts.bus import brokers
from contracts.bus.harness import TOPICS, KafkaHarness
from contracts.bus.samples import frame, hit, numbers, one_batch, take_all, tried

from platekeeper.stack.kafka import Broker
from platekeeper_common.bus.contract import Batch, Fenced, Member, Unavailable, partition_of
from platekeeper_common.bus.kafka import KafkaBus
from platekeeper_common.bus.kafka_topics import WrongTopic, declare_topics
from platekeeper_common.events import catalogue
from platekeeper_common.events.envelope import Topic
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.events.ingest import FrameCaptured


@pytest.fixture
def kafka(tmp_path: Path) -> KafkaHarness:
    return KafkaHarness(str(tmp_path))


@pytest.fixture
def servers() -> list[str]:
    return [brokers.facts("kafka")["address"]]


async def described(servers: list[str], names: list[str]) -> tuple[dict[str, int], dict[str, dict[str, str]]]:
    """The number of partitions and the settings of topics, by name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        partitions = {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics(names)}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        [answer] = await admin.describe_configs(asked)
        return partitions, {row[3]: {entry[0]: entry[1] for entry in row[4]} for row in answer.resources}
    finally:
        await admin.close()


async def altered(servers: list[str], name: str, settings: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=settings)])
    finally:
        await admin.close()
    await has(servers, name, settings)


async def has(servers: list[str], name: str, settings: dict[str, str]) -> None:
    """Wait until the topic has these settings: a broker takes them, and only then applies them."""
    async with asyncio.timeout(20):
        while not settings.items() <= (await described(servers, [name]))[1][name].items():
            await asyncio.sleep(0.05)


async def test_topics_are_made_as_declared(servers: list[str]) -> None:
    await declare_topics(servers, prefix="declared-", longest_kept=timedelta(days=3))
    names = [f"declared-{name}" for name in catalogue.TOPICS]
    partitions, settings = await described(servers, names)
    several = {name.removeprefix("declared-"): count for name, count in partitions.items() if count != 1}
    assert several == {"frame.captured": 24, "plates.read": 12, "access.recorded": 6}
    assert settings["declared-frame.captured"]["cleanup.policy"] == "delete"
    assert settings["declared-frame.captured"]["retention.ms"] == str(3 * 86_400_000)
    assert settings["declared-access.recorded"]["retention.ms"] == "-1"
    assert settings["declared-agency.changed"]["cleanup.policy"] == "compact"


async def test_declaring_again_mends_what_differs_and_keeps_what_operators_set(servers: list[str]) -> None:
    topic = Topic("mended")
    await asyncio.gather(*(declare_topics(servers, topics=[topic]) for _ in range(3)))
    await altered(servers, "mended", {"retention.ms": "1", "max.message.bytes": "2000000"})
    await declare_topics(servers, topics=[topic])
    mended = {"retention.ms": str(7 * 86_400_000), "segment.ms": str(86_400_000)}
    await has(servers, "mended", {**mended, "max.message.bytes": "2000000"})


async def test_a_topic_with_another_number_of_partitions_is_refused_by_name(servers: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic("fixed-for-life", 2, 1)])
    await admin.close()
    with pytest.raises(WrongTopic, match="fixed-for-life has 2 partitions, not the 3"):
        await declare_topics(servers, topics=[Topic("fixed-for-life", partitions=3)])


async def test_a_topic_that_nobody_declared_is_unavailable(servers: list[str]) -> None:
    async with KafkaBus.open(servers, prefix="undeclared-", publish_timeout=0.5) as bus:
        with pytest.raises(Unavailable):
            await bus.publish([frame("cam-a", 1)], source="test")
        with pytest.raises(Unavailable, match=r"frame\.captured; is it declared"):
            await bus.join("group", [FrameCaptured.topic])


async def test_an_event_that_no_broker_takes_is_an_error_and_the_next_ones_go(kafka: KafkaHarness) -> None:
    async with kafka.bus() as bus:
        with pytest.raises(ValueError, match="more than 1000000 bytes"):
            await bus.publish([frame("cam-a", 0), frame("x" * 2_000_000, 0)], source="test")
        await bus.publish([frame("cam-a", 1)], source="test")
        records = await take_all(await bus.join("group", [FrameCaptured.topic]), expected=2)
    assert numbers(records) == [0, 1]


async def test_a_producer_whose_word_brokers_no_longer_take_says_fenced_for_ever(kafka: KafkaHarness) -> None:
    async with kafka.bus() as bus:
        watching = asyncio.ensure_future(bus.until_fenced())
        await bus.publish([frame("cam-a", 0)], source="test")
        assert not watching.done()
        await lose_one_record(bus)
        with pytest.raises(Fenced):
            await bus.publish([frame("cam-a", 1)], source="test")
        with pytest.raises(Fenced):
            await bus.publish([frame("cam-b", 2)], source="test")
        with pytest.raises(Fenced):
            await watching
    async with kafka.bus() as anew:
        await anew.publish([frame("cam-a", 3)], source="test")
        records = await take_all(await anew.join("group", [FrameCaptured.topic]), expected=2)
    assert numbers(records) == [0, 3]


async def lose_one_record(bus: KafkaBus) -> None:
    """As if one record of cam-a had been counted and never sent: its successor is out of sequence for the broker."""
    producer: Any = await bus._producer.get()
    place = TopicPartition(bus._name(FrameCaptured.topic), partition_of("cam-a", TOPICS[0].partitions))
    producer._txn_manager.increment_sequence_number(place, 1)


async def test_a_member_says_when_it_hears_nothing_from_the_brokers(tmp_path: Path) -> None:
    with brokers.alone("kafka-breakable") as facts:
        kafka = KafkaHarness(str(tmp_path), facts)
        async with kafka.bus(publish_timeout=5.0, session=6.0) as bus:
            member = await bus.join("group", [FrameCaptured.topic])
            await tried(lambda: bus.publish([frame("cam-a", 0)], source="test"))
            assert numbers(await take_all(member, expected=1)) == [0], "it has partitions, and is not about to get some"
            with kafka.outage(), pytest.raises(Unavailable, match="no word from the bus"):
                await take_all(member, expected=1)
            await tried(lambda: bus.publish([frame("cam-a", 1)], source="test"))
            assert numbers((await tried(lambda: one_batch(member))).records)[0] == 1


async def until(holds: Callable[[], bool], *running: "asyncio.Task[None]") -> None:
    """Wait as long as the tasks run without a fault."""
    async with asyncio.timeout(60):
        while not holds():
            for task in running:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)


async def test_readers_of_a_broker_that_died_are_told_so_and_leave_nothing_behind(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker", settings=brokers.SETTINGS)
    await asyncio.to_thread(broker.start)
    try:
        async with KafkaHarness("read", {"address": broker.address}).bus(publish_timeout=2.0) as bus:
            await bus.publish([hit(0)], source="test")
            tails = [bus.tail(HitRaised.topic, None) for _ in range(16)]
            await bus._readers.settled()
            before = clients_at_work()
            coming = []
            for tail in tails:  # not all at the same step of asking again when they give up
                coming.append(asyncio.ensure_future(anext(tail)))
                await asyncio.sleep(0.03)
            broker.kill()
            told = await asyncio.wait_for(asyncio.gather(*coming, return_exceptions=True), 60)
            assert [type(one) for one in told] == [Unavailable] * len(tails)
            await until(lambda: clients_at_work() <= before)
    finally:
        broker.kill()


def clients_at_work() -> int:
    """Tasks of the client library."""
    return sum("/aiokafka/" in repr(task) for task in asyncio.all_tasks())


async def settle(batch: Batch) -> None:
    """Try again to commit what could not be: until then its partition is not handed out."""
    while True:
        try:
            return await batch.done()
        except Unavailable:
            await asyncio.sleep(0.1)
        except Fenced:
            return None


async def test_what_was_acknowledged_outlives_a_broker_that_is_killed(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker", settings=brokers.SETTINGS)
    await asyncio.to_thread(broker.start)
    acknowledged: defaultdict[str, list[int]] = defaultdict(list)
    kept: defaultdict[str, list[int]] = defaultdict(list)
    stop = asyncio.Event()

    async def publish(camera: str) -> None:
        number = 0
        while not stop.is_set():
            await asyncio.sleep(0)
            with suppress(Unavailable):
                await bus.publish([frame(camera, number)], source="test")
                acknowledged[camera].append(number)
                number += 1

    async def consume(member: Member) -> None:
        while True:
            await asyncio.sleep(0)
            with suppress(Unavailable):
                if batch := await member.poll(10):
                    for record in batch.records:
                        kept[record.key] += numbers([record])
                    await settle(batch)

    try:
        async with KafkaHarness("killed", {"address": broker.address}).bus(publish_timeout=2.0) as bus:
            member = await bus.join("group", [FrameCaptured.topic])
            publishing = [asyncio.create_task(publish(camera)) for camera in ("cam-a", "cam-b")]
            consuming = asyncio.create_task(consume(member))
            try:
                await until(lambda: len(acknowledged["cam-a"]) > 50, *publishing, consuming)
                broker.kill()
                before = {camera: len(told) for camera, told in acknowledged.items()}
                await asyncio.to_thread(broker.start)
                await until(
                    lambda: all(len(acknowledged[camera]) > before[camera] + 50 for camera in before),
                    *(*publishing, consuming),
                )
                stop.set()
                await asyncio.gather(*publishing)
                await until(
                    lambda: all(set(told) <= set(kept[camera]) for camera, told in acknowledged.items()), consuming
                )
            finally:
                for task in (*publishing, consuming):
                    task.cancel()
                await asyncio.gather(*publishing, consuming, return_exceptions=True)
    finally:
        broker.kill()
    for camera, told in acknowledged.items():
        assert told == list(range(len(told)))
        assert list(dict.fromkeys(kept[camera]))[: len(told)] == told
