"""The log: order, durability, following, tailing, pruning."""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import count

import pytest
from contracts.bus.harness import Harness, start_child
from contracts.bus.samples import (
    MOMENT,
    device,
    eventually,
    frame,
    frames,
    hit,
    number_of,
    numbers,
    one_batch,
    recorded,
    take_all,
    tried,
)

from platekeeper_common.bus.contract import Bus, TooOld, Unavailable
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.catalogue import decode
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.events.ingest import DeviceChanged, FrameCaptured


async def test_events_of_one_key_keep_their_order(harness: Harness) -> None:
    cameras = [f"cam-{number}" for number in range(10)]
    async with harness.bus() as bus:
        member = await bus.join("group", [FrameCaptured.topic])
        for start in range(0, 20, 5):
            events = [frame(camera, number) for number in range(start, start + 5) for camera in cameras]
            await bus.publish(events, source="test")
        records = await take_all(member, expected=200, most=7)
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        seen[record.key] += numbers([record])
    assert seen == {camera: list(range(20)) for camera in cameras}
    assert {len({r.partition for r in records if r.key == camera}) for camera in cameras} == {1}


async def test_concurrent_publishers_lose_nothing(harness: Harness) -> None:
    async with harness.bus() as bus:
        await asyncio.gather(*(bus.publish([frame(f"cam-{n % 7}", n)], source="test") for n in range(300)))
        records = await take_all(await bus.join("group", [FrameCaptured.topic]), expected=300)
    assert sorted(numbers(records)) == list(range(300))


async def test_a_record_keeps_key_moment_and_source(harness: Harness) -> None:
    async with harness.bus(clock=lambda: MOMENT) as bus:
        await bus.publish([frame("cam-a", 1)], source="ingest")
        [record] = (await one_batch(await bus.join("group", [FrameCaptured.topic]))).records
    assert (record.topic, record.key, record.at) == ("frame.captured", "cam-a", MOMENT)
    assert decode(record.value) == frame("cam-a", 1)
    assert b'"source":"/ingest"' in record.value


async def test_a_key_has_the_same_partition_after_a_restart(harness: Harness) -> None:
    cameras = [f"cam-{number}" for number in range(30)]
    records = []
    for turn in range(2):
        async with harness.bus() as bus:
            await bus.publish([frame(camera, turn) for camera in cameras], source="test")
            records += await take_all(await bus.join("group", [FrameCaptured.topic]), expected=30)
    assert len({(record.key, record.partition) for record in records}) == 30
    assert len({record.partition for record in records}) > 1


async def test_what_was_acknowledged_outlives_kill_nine(harness: Harness) -> None:
    child = await start_child(harness, "publish")
    said = [await child.line() for _ in range(60)]
    said += await child.kill()
    acknowledged: dict[str, int] = {}
    for line in said:
        camera, number = line.split()
        acknowledged[camera] = int(number)
    kept: defaultdict[str, list[int]] = defaultdict(list)
    async with harness.bus() as bus:
        member = await bus.join("group", [FrameCaptured.topic])
        async with asyncio.timeout(20):
            while any(last not in kept[camera] for camera, last in acknowledged.items()):
                if batch := await member.poll(500):
                    for record in batch.records:
                        kept[record.key] += numbers([record])
                    await batch.done()
    for camera, last in acknowledged.items():
        assert kept[camera] == list(range(len(kept[camera])))
        assert len(kept[camera]) > last


async def test_publishing_while_the_bus_is_away_or_closed_says_unavailable(breakable: Harness) -> None:
    async with breakable.bus(publish_timeout=1.0, session=6.0) as bus:
        with breakable.outage(), pytest.raises(Unavailable):
            await bus.publish([frame("cam-a", 1)], source="test")
        await tried(lambda: bus.publish([frame("cam-a", 2)], source="test"))
        member = await tried(lambda: bus.join("group", [FrameCaptured.topic]))
        taken: list[int] = []
        while 2 not in taken:
            taken += numbers((await tried(lambda: one_batch(member))).records)
    with pytest.raises(Unavailable):
        await bus.publish([frame("cam-a", 3)], source="test")
    with pytest.raises(Unavailable):
        await member.poll(1)


async def test_following_gives_every_record_from_the_start_and_then_the_new_ones(harness: Harness) -> None:
    seen: list[Event] = []
    caught_up: list[int] = []

    async def apply(event: Event) -> None:
        seen.append(event)

    async with harness.bus() as bus:
        await bus.publish([device("a", 1), device("b", 1), device("a", 2)], source="test")
        following = asyncio.ensure_future(bus.follow(DeviceChanged.topic, apply, lambda: caught_up.append(len(seen))))
        await eventually(lambda: bool(caught_up))
        assert caught_up == [3]
        await bus.publish([device("b", 2)], source="test")
        await eventually(lambda: len(seen) == 4)
        following.cancel()
    assert seen == [device("a", 1), device("b", 1), device("a", 2), device("b", 2)]
    assert caught_up == [3]


async def test_following_an_empty_topic_is_caught_up_at_once(harness: Harness) -> None:
    caught_up = asyncio.Event()

    async def apply(event: Event) -> None:
        raise AssertionError(event)

    async with harness.bus() as bus:
        following = asyncio.ensure_future(bus.follow(DeviceChanged.topic, apply, caught_up.set))
        async with asyncio.timeout(20):
            await caught_up.wait()
        assert not following.done()
        following.cancel()


async def compacted(harness: Harness, bus: Bus, superseded: int) -> None:
    """Prune; where the engine compacts by itself, wait until it has. So many words have a newer one of their key."""
    if harness.at_once:
        assert await bus.prune() == superseded
        return
    assert await bus.prune() == 0
    kept = all_published = await bus.backlog("all", DeviceChanged.topic)
    group = count()
    async with asyncio.timeout(20):
        while kept != all_published - superseded:
            member = await bus.join(f"check-{next(group)}", [DeviceChanged.topic])
            kept = 0
            while batch := await member.poll(500):
                kept += len(batch.records)
                await batch.done()
            await member.leave()


async def test_compaction_keeps_the_last_word_of_each_key_for_ever(harness: Harness) -> None:
    seen: list[Event] = []
    caught_up = asyncio.Event()

    async def apply(event: Event) -> None:
        seen.append(event)

    now = MOMENT
    async with harness.bus(clock=lambda: now) as bus:
        await bus.publish(
            [device("a", 1), device("b", 1), device("a", 2), device("c", 1), device("a", 3)], source="test"
        )
        now += timedelta(days=400)
        await bus.publish([device("d", 1)], source="test")
        await compacted(harness, bus, 2)
        following = asyncio.ensure_future(bus.follow(DeviceChanged.topic, apply, caught_up.set))
        async with asyncio.timeout(20):
            await caught_up.wait()
        following.cancel()
    assert seen == [device("b", 1), device("c", 1), device("a", 3), device("d", 1)]


async def test_compaction_spares_what_a_group_has_not_handled(harness: Harness) -> None:
    async with harness.bus() as bus:
        member = await bus.join("group", [DeviceChanged.topic])
        await bus.publish([device("a", version) for version in range(4)], source="test")
        await (await one_batch(member, most=2)).done()
        assert await bus.prune() == (2 if harness.at_once else 0)
        records = await take_all(member, expected=2)
    assert [decode(record.value) for record in records] == [device("a", 2), device("a", 3)]


async def test_a_tail_begins_with_the_next_event(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish([hit(0)], source="test")
        tail = bus.tail(HitRaised.topic, None)
        await bus.publish([hit(1), hit(2)], source="test")
        async with asyncio.timeout(20):
            first, second = await anext(tail), await anext(tail)
            waiting = asyncio.ensure_future(anext(tail))
            await bus.publish([hit(3)], source="test")
            third = await waiting
    assert [event for _, event in (first, second, third)] == [hit(1), hit(2), hit(3)]
    assert first[0] < second[0] < third[0]


async def test_a_tail_resumes_behind_an_offset(harness: Harness) -> None:
    async with harness.bus() as bus:
        tail = bus.tail(HitRaised.topic, None)
        await bus.publish([hit(number) for number in range(3)], source="test")
        offset, _ = await anext(tail)
    async with harness.bus() as bus:
        resumed = bus.tail(HitRaised.topic, offset)
        assert [(await anext(resumed))[1] for _ in range(2)] == [hit(1), hit(2)]


async def test_a_tail_behind_what_was_pruned_is_too_old(harness: Harness) -> None:
    now = MOMENT
    async with harness.bus(clock=lambda: now) as bus:
        tail = bus.tail(HitRaised.topic, None)
        await bus.publish([hit(0), hit(1)], source="test")
        first, second = await anext(tail), await anext(tail)
        now += timedelta(days=8)
        await bus.publish([hit(2)], source="test")
        assert await bus.prune() == 2
        with pytest.raises(TooOld):
            await anext(bus.tail(HitRaised.topic, first[0]))
        assert (await anext(bus.tail(HitRaised.topic, second[0])))[1] == hit(2)


async def test_a_tail_behind_an_offset_that_never_was_is_too_old(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish([hit(0)], source="test")
        with pytest.raises(TooOld):
            await anext(bus.tail(HitRaised.topic, 1000))


async def test_pruning_removes_what_is_past_its_retention_handled_or_not(harness: Harness) -> None:
    now = MOMENT

    def clock() -> datetime:
        return now

    async with harness.bus(clock=clock) as bus:
        member = await bus.join("group", [FrameCaptured.topic])
        await bus.publish(frames("cam-a", range(2500)), source="test")
        now += timedelta(days=6)
        assert await bus.prune() == 0
        await bus.publish(frames("cam-a", range(2500, 2503)), source="test")
        now += timedelta(days=2)
        assert await bus.prune() == 2500
        assert await bus.backlog("group", FrameCaptured.topic) == 3
        records = await take_all(member, expected=3)
    assert numbers(records) == [2500, 2501, 2502]
    async with harness.bus(clock=clock) as bus:
        late = await take_all(await bus.join("late", [FrameCaptured.topic]), expected=3)
    assert [record.offset for record in late] == [record.offset for record in records]


@pytest.mark.clause("B8")
async def test_pruning_spares_what_a_topics_own_group_has_yet_to_handle(harness: Harness) -> None:
    """Of access records nothing goes before the ledger has it, whether it was there or not."""
    now = MOMENT
    async with harness.bus(clock=lambda: now) as bus:
        await bus.publish([recorded(number) for number in (1, 2, 3)], source="test")
        now += timedelta(days=400)
        assert await bus.prune() == 0
        member = await bus.join("ledger", [AccessRecorded.topic])
        batch = await one_batch(member, most=2)
        assert await bus.prune() == 0, "what is in hand is not handled"
        await batch.done()
        assert await bus.prune() == 2
        [third] = await take_all(member, expected=1)
        assert decode(third.value) == recorded(3)
        await bus.prune()
        assert await bus.backlog("late", AccessRecorded.topic) == 0


async def test_a_topic_pruned_empty_goes_on(harness: Harness) -> None:
    now = MOMENT
    async with harness.bus(clock=lambda: now) as bus:
        await bus.publish(frames("cam-a", range(3)), source="test")
        now += timedelta(days=8)
        assert await bus.prune() == 3
        await bus.publish(frames("cam-a", range(3, 5)), source="test")
        [first, second] = await take_all(await bus.join("group", [FrameCaptured.topic]), expected=2)
    assert (first.offset, second.offset) == (3, 4)
    assert number_of(decode(second.value)) == 4
