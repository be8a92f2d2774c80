"""Consumer groups: who gets what, what comes again, who is fenced."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from contracts.bus.harness import Harness, start_child
from contracts.bus.samples import eventually, frame, frames, numbers, one_batch, one_of_each, take_all

from platekeeper_common.bus.contract import Bus, Fenced, Member, Record
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.events.ingest import FrameCaptured

CAMERAS = [f"cam-{number}" for number in range(40)]


def place(record: Record) -> tuple[int, int]:
    return record.partition, record.offset


def round_of_frames(number: int) -> list[Event]:
    return [frame(camera, number) for camera in CAMERAS]


async def partitions(bus: Bus, number: int, *members: Member) -> list[set[int]]:
    """Publish a frame of every camera; the partitions that each member got of them."""
    await bus.publish(round_of_frames(number), source="test")
    got: list[set[int]] = [set() for _ in members]
    seen = 0
    async with asyncio.timeout(20):
        while seen < len(CAMERAS):
            for place, member in enumerate(members):
                if batch := await member.poll(500):
                    got[place].add(batch.records[0].partition)
                    seen += len(batch.records)
                    await batch.done()
    assert seen == len(CAMERAS)
    return got


async def shares(harness: Harness, bus: Bus, everything: set[int], *members: Member) -> list[set[int]]:
    """The partitions of each member, at once or, where dealing takes a while, as soon as each has some."""
    for number in range(1 if harness.at_once else 50):
        got = await partitions(bus, number, *members)
        if all(got) and sum(map(len, got)) == len(everything):
            break
    assert all(got)
    assert sorted(place for share in got for place in share) == sorted(everything)
    return got


async def test_a_new_group_starts_at_the_oldest_record(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(5)), source="test")
        first = await take_all(await bus.join("first", [FrameCaptured.topic]), expected=5)
        replayed = await take_all(await bus.join("replay", [FrameCaptured.topic]), expected=5)
    assert first == replayed


async def test_a_group_goes_on_where_it_was(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(5)), source="test")
        await (await one_batch(await bus.join("group", [FrameCaptured.topic]), most=3)).done()
    async with harness.bus() as bus:
        assert numbers(await take_all(await bus.join("group", [FrameCaptured.topic]), expected=2)) == [3, 4]


async def test_a_partition_is_not_handed_out_again_before_done(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(5)), source="test")
        member = await bus.join("group", [FrameCaptured.topic])
        batch = await one_batch(member, most=2)
        assert await member.poll(2) is None
        await batch.done()
        await batch.done()
        assert numbers((await one_batch(member, most=2)).records) == [2, 3]


async def test_exactly_the_batch_not_done_comes_again_when_its_member_leaves(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(9)), source="test")
        member = await bus.join("group", [FrameCaptured.topic])
        await (await one_batch(member, most=3)).done()
        undone = await one_batch(member, most=3)
        await member.leave()
        successor = await bus.join("group", [FrameCaptured.topic])
        again = await one_batch(successor, most=3)
    assert again.records == undone.records


async def test_exactly_the_batch_not_done_comes_again_after_kill_nine(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(30)), source="test")
    child = await start_child(harness, "consume")
    done, undone = await child.line(), await child.line()
    assert await child.kill() == []
    async with harness.bus() as bus:
        records = await take_all(await bus.join("group", [FrameCaptured.topic]), expected=20)
    offsets = [str(record.offset) for record in records]
    assert done.split() + offsets == [str(offset) for offset in range(30)]
    assert offsets[:10] == undone.split()


async def test_members_share_the_partitions_and_share_anew_when_one_comes_or_goes(harness: Harness) -> None:
    async with harness.bus() as bus:
        first = await bus.join("group", [FrameCaptured.topic])
        [everything] = await partitions(bus, 0, first)
        assert len(everything) > 2
        second = await bus.join("group", [FrameCaptured.topic])
        await shares(harness, bus, everything, first, second)
        third = await bus.join("group", [FrameCaptured.topic])
        await shares(harness, bus, everything, first, second, third)
        await second.leave()
        await shares(harness, bus, everything, first, third)


async def test_a_rebalance_waits_for_the_batch_in_hand(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish(round_of_frames(0), source="test")
        first = await bus.join("group", [FrameCaptured.topic])
        held = await one_of_each(first, most=1)
        second = await bus.join("group", [FrameCaptured.topic])
        assert await second.poll(1) is None
        for batch in held:
            await batch.done()
        assert (await one_batch(second)).records[0].offset == 1


async def test_a_zombie_is_fenced_and_its_batch_goes_to_another(harness: Harness) -> None:
    async with harness.bus(silence=0.2) as bus:
        await bus.publish(frames("cam-a", range(4)), source="test")
        zombie = await bus.join("group", [FrameCaptured.topic])
        old = await one_batch(zombie, most=2)
        successor = await bus.join("group", [FrameCaptured.topic])
        new = await one_batch(successor, most=2)
        assert new.records == old.records
        with pytest.raises(Fenced):
            await old.done()
        await new.done()
        with pytest.raises(Fenced):
            await old.done()
        assert numbers((await one_batch(successor)).records) == [2, 3]


async def test_a_batch_that_outlasts_the_drain_is_fenced_and_its_member_goes_on(harness: Harness) -> None:
    async with harness.bus(drain=0.1) as bus:
        await bus.publish([frame(camera, 0) for camera in CAMERAS], source="test")
        slow = await bus.join("group", [FrameCaptured.topic])
        held = await one_of_each(slow)
        other = await bus.join("group", [FrameCaptured.topic])
        taken = await one_batch(other)
        outcomes = await asyncio.gather(*(batch.done() for batch in held), return_exceptions=True)
        lost = []
        for batch, outcome in zip(held, outcomes, strict=True):
            if isinstance(outcome, Fenced):
                lost += [record for record in batch.records if record.partition != taken.records[0].partition]
            else:
                assert outcome is None
                assert batch.records != taken.records
            if harness.at_once:
                assert isinstance(outcome, Fenced) == (batch.records == taken.records)
        await taken.done()
        again = await take_all(slow, other, expected=len(lost))
        assert sorted(again, key=place) == sorted(lost, key=place)
        assert await bus.backlog("group", FrameCaptured.topic) == 0


async def test_backlog_counts_what_the_group_has_not_done(harness: Harness) -> None:
    async with harness.bus() as bus:
        await bus.publish(round_of_frames(0), source="test")
        assert await bus.backlog("group", FrameCaptured.topic) == 40
        member = await bus.join("group", [FrameCaptured.topic])
        batch = await one_batch(member, most=3)
        assert await bus.backlog("group", FrameCaptured.topic) == 40
        await batch.done()
        assert await bus.backlog("group", FrameCaptured.topic) == 40 - len(batch.records)
    async with harness.bus() as bus:
        assert await bus.backlog("group", FrameCaptured.topic) == 40 - len(batch.records)
        assert await bus.backlog("other", FrameCaptured.topic) == 40


async def test_one_member_takes_several_topics_in_turn(harness: Harness) -> None:
    async with harness.bus() as bus:
        member = await bus.join("group", [FrameCaptured.topic, HitRaised.topic])
        await bus.publish(round_of_frames(0), source="test")
        records = await take_all(member, expected=40, most=1)
        turns = [record.partition for record in records]
    assert turns[: len(set(turns))] != [turns[0]] * len(set(turns))


async def test_a_waiting_member_wakes_when_something_is_published(harness: Harness) -> None:
    async with harness.bus() as bus:
        member = await bus.join("group", [FrameCaptured.topic])
        waiting = asyncio.ensure_future(one_batch(member))
        await asyncio.sleep(0)
        await bus.publish([frame("cam-a", 1)], source="test")
        assert numbers((await waiting).records) == [1]


async def publishing(bus: Bus, rounds: int) -> AsyncIterator[int]:
    for number in range(rounds):
        await bus.publish(round_of_frames(number), source="test")
        yield number


async def test_members_that_come_and_go_lose_nothing_and_keep_the_order(harness: Harness) -> None:
    seen: dict[str, list[int]] = {camera: [] for camera in CAMERAS}

    async def consume(member: Member) -> None:
        while True:
            if batch := await member.poll(11):
                await asyncio.sleep(0)
                for record in batch.records:
                    seen[record.key] += numbers([record])
                await batch.done()

    async with harness.bus() as bus:
        tasks: list[asyncio.Task[None]] = []
        members: list[Member] = []
        async for number in publishing(bus, 12):
            if number % 4 < 3:
                members.append(await bus.join("group", [FrameCaptured.topic]))
                tasks.append(asyncio.create_task(consume(members[-1])))
            else:
                leaver, task = members.pop(0), tasks.pop(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await leaver.leave()
        await eventually(lambda: all(len(set(got)) == 12 for got in seen.values()))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for camera in CAMERAS:
        assert list(dict.fromkeys(seen[camera])) == list(range(12))
