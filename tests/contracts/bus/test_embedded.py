"""What only the embedded bus promises: its file."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from contracts.bus.samples import MOMENT, frame, hit
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common.bus.contract import Unavailable, partition_of
from platekeeper_common.bus.embedded import MOST_PARTITIONS, EmbeddedBus
from platekeeper_common.events.catalogue import TOPICS
from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.events.ingest import FrameCaptured

PLATE = "7ZQX998"


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def modes_in(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_pruned_plates_are_in_no_byte_of_the_files(tmp_path: Path) -> None:
    now = MOMENT
    async with EmbeddedBus.open(tmp_path / "bus.sqlite", clock=lambda: now) as bus:
        await bus.publish([hit(number, PLATE) for number in range(200)], source="test")
        assert PLATE.encode() in bytes_in(tmp_path)
        now += timedelta(days=8)
        assert await bus.prune() == 200
        assert PLATE.encode() not in bytes_in(tmp_path)


async def test_pruning_says_so_when_a_reader_holds_the_removed_bytes(tmp_path: Path) -> None:
    now = MOMENT
    path = tmp_path / "bus.sqlite"
    async with EmbeddedBus.open(path, clock=lambda: now, publish_timeout=1.0) as bus:
        await bus.publish([hit(0, PLATE)], source="test")
        now += timedelta(days=8)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM record").fetchone()
            with pytest.raises(Unavailable):
                await bus.prune()
        await bus.prune()
        assert PLATE.encode() not in bytes_in(tmp_path)


async def test_the_longest_kept_caps_every_retention(tmp_path: Path) -> None:
    now = MOMENT
    opened = EmbeddedBus.open(tmp_path / "bus.sqlite", clock=lambda: now, longest_kept=timedelta(days=1))
    async with opened as bus:
        await bus.publish([hit(0)], source="test")
        now += timedelta(hours=25)
        assert await bus.prune() == 1


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    async with EmbeddedBus.open(tmp_path / "bus.sqlite") as bus:
        await bus.publish([hit(0)], source="test")
        assert modes_in(tmp_path) == {0o600}


async def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bus.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(ValueError, match="format 99"):
        async with EmbeddedBus.open(path):
            pass


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "bus.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(Unavailable, match=r"bus\.sqlite"):
        async with EmbeddedBus.open(path):
            pass


async def test_a_failing_commit_fails_those_who_shared_it_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "bus.sqlite"
    async with EmbeddedBus.open(path, publish_timeout=1.0) as bus:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            attempts = (bus.publish([frame("cam-a", number)], source="test") for number in range(5))
            outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        await bus.publish([frame("cam-a", 5)], source="test")
        assert await bus.backlog("group", FrameCaptured.topic) >= 1


async def test_a_topic_without_events_is_refused(tmp_path: Path) -> None:
    async with EmbeddedBus.open(tmp_path / "bus.sqlite") as bus:
        with pytest.raises(ValueError, match=r"gossip"):
            await bus.join("group", [Topic("gossip")])


async def test_only_a_topic_of_one_partition_can_be_tailed(tmp_path: Path) -> None:
    async with EmbeddedBus.open(tmp_path / "bus.sqlite") as bus:
        with pytest.raises(ValueError, match="partitions"):
            bus.tail(FrameCaptured.topic, None)


async def test_a_waiting_follower_and_tail_end_with_the_bus(tmp_path: Path) -> None:
    caught_up = asyncio.Event()

    async def apply(event: Event) -> None:
        raise AssertionError(event)

    async with EmbeddedBus.open(tmp_path / "bus.sqlite") as bus:
        following = asyncio.ensure_future(bus.follow(HitRaised.topic, apply, caught_up.set))
        tail = bus.tail(HitRaised.topic, None)
        tailing = asyncio.ensure_future(anext(tail))
        await caught_up.wait()
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(following, tailing, return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)


@given(st.text(), st.sampled_from(sorted({min(topic.partitions, MOST_PARTITIONS) for topic in TOPICS.values()})))
def test_every_key_has_one_partition(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) in range(partitions)
    assert partition_of(key, partitions) == partition_of(key, partitions)


@pytest.mark.parametrize(("key", "partition"), [("", 0), ("123456789", 2), ("cam-a", 0), ("cam-b", 2)])
def test_partitions_never_change(key: str, partition: int) -> None:
    assert partition_of(key, 4) == partition
