"""The consumer over every bus: the three ways in which an event ends, and what happens when something is away."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import structlog
from contracts.bus.harness import Harness
from contracts.bus.samples import (
    AGENCY,
    LetterBox,
    Misfiled,
    eventually,
    frame,
    frames,
    number_of,
    running,
    take_all,
    tried,
)

from platekeeper_common.bus.consumer import Consumer
from platekeeper_common.bus.contract import Bus, Handler, Reject, Unavailable
from platekeeper_common.bus.pauses import Pauses
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import FrameCaptured

AT_ONCE = Pauses(first=0.0001, longest=0.001)


class Desk:
    """A handler: fails on the numbers in `broken`, rejects those in `refused`, keeps the rest; `away` says who is."""

    def __init__(self, *, broken: Sequence[int] = (), refused: Sequence[int] = ()) -> None:
        self.broken, self.refused = set(broken), set(refused)
        self.away: BaseException | None = None
        self.kept: list[int] = []
        self.batches: list[list[int]] = []

    async def __call__(self, events: Sequence[Event]) -> None:
        self.batches.append([number_of(event) for event in events])
        if self.away is not None:
            raise self.away
        for event in events:
            if number_of(event) in self.refused:
                raise Reject(event, "not_an_image: it is a text")
            if number_of(event) in self.broken:
                raise RuntimeError("7SAM123 cannot be handled")
        self.kept += self.batches[-1]


def consumer(bus: Bus, handler: Handler, letters: LetterBox, **settings: Any) -> Consumer:
    return Consumer(bus, "group", [FrameCaptured.topic], handler, letters, pauses=AT_ONCE, **settings)


async def test_healthy_events_are_handled_in_order_and_done(harness: Harness) -> None:
    desk, letters = Desk(), LetterBox()
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(25)), source="test")
        loop = consumer(bus, desk, letters, most=10)
        assert not loop.ready
        async with running(loop):
            await eventually(lambda: loop.handled == 25)
            assert (loop.ready, loop.trouble) == (True, None)
            await bus.publish(frames("cam-a", range(25, 30)), source="test")
            await eventually(lambda: loop.handled == 30)
        assert not loop.ready
        assert loop.trouble
        assert await bus.backlog("group", FrameCaptured.topic) == 0
    assert desk.kept == list(range(30))
    assert [len(batch) for batch in desk.batches] == [10, 10, 5, 5]
    assert letters.letters == []


async def test_where_nobody_waits_events_gather_between_batches(harness: Harness) -> None:
    desk, letters = Desk(), LetterBox()
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(1)), source="test")
        loop = consumer(bus, desk, letters, gather=2.0)
        async with running(loop):
            await eventually(lambda: loop.handled == 1)
            for number in range(1, 6):
                await bus.publish(frames("cam-a", range(number, number + 1)), source="test")
            await eventually(lambda: loop.handled == 6)
    assert desk.kept == list(range(6))
    assert len(desk.batches) <= 4


async def test_a_poisonous_event_fails_five_times_alone_and_the_others_are_handled(harness: Harness) -> None:
    desk, letters = Desk(broken=[13]), LetterBox()
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(20)), source="test")
        loop = consumer(bus, desk, letters)
        async with running(loop):
            await eventually(lambda: loop.handled + loop.dead_lettered == 20)
        everything = await take_all(await bus.join("check", [FrameCaptured.topic]), expected=20)
    assert desk.kept == [number for number in range(20) if number != 13]
    assert desk.batches.count([13]) == 5
    [letter] = letters.letters
    assert letter.record == everything[13]
    assert (letter.group, letter.attempts) == ("group", 5)
    assert letter.reason.startswith("failed: RuntimeError at test_consumer.py:")


async def test_an_event_that_recovers_before_the_fifth_attempt_is_handled(harness: Harness) -> None:
    letters = LetterBox()
    attempts = 0

    async def fourth_time(events: Sequence[Event]) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            raise RuntimeError("not yet")

    async with harness.bus() as bus:
        await bus.publish([frame("cam-a", 0)], source="test")
        loop = consumer(bus, fourth_time, letters)
        async with running(loop):
            await eventually(lambda: loop.handled == 1)
    assert (attempts, letters.letters) == (4, [])


async def test_a_rejected_event_goes_to_the_dead_letters_at_once_and_the_rest_go_on(harness: Harness) -> None:
    desk, letters = Desk(refused=[2, 5]), LetterBox()
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(7)), source="test")
        loop = consumer(bus, desk, letters)
        async with running(loop):
            await eventually(lambda: loop.handled + loop.dead_lettered == 7)
        assert await bus.backlog("group", FrameCaptured.topic) == 0
    assert desk.kept == [0, 1, 3, 4, 6]
    assert [(letter.record.offset, letter.attempts) for letter in letters.letters] == [(2, 1), (5, 1)]
    assert {letter.reason for letter in letters.letters} == {"not_an_image: it is a text"}


async def test_a_rejection_of_an_event_of_no_batch_counts_as_a_failure(harness: Harness) -> None:
    letters = LetterBox()

    async def confused(events: Sequence[Event]) -> None:
        raise Reject(frame("cam-z", 99), "not_an_image")

    async with harness.bus() as bus:
        await bus.publish([frame("cam-a", 0)], source="test")
        async with running(consumer(bus, confused, letters)):
            await eventually(lambda: bool(letters.letters))
    assert [(letter.record.offset, letter.attempts) for letter in letters.letters] == [(0, 5)]


async def test_bytes_that_are_no_known_event_go_to_the_dead_letters(harness: Harness) -> None:
    desk, letters = Desk(), LetterBox()
    async with harness.bus() as bus:
        await bus.publish([frame("cam-a", 0), Misfiled(agency_id=AGENCY), frame("cam-a", 2)], source="test")
        loop = consumer(bus, desk, letters)
        async with running(loop):
            await eventually(lambda: loop.handled == 2)
        everything = await take_all(await bus.join("check", [FrameCaptured.topic]), expected=3)
    assert desk.kept == [0, 2]
    [letter] = letters.letters
    assert letter.record == everything[1]
    assert letter.reason.startswith("undecodable:")


@pytest.mark.parametrize(
    "away",
    [
        Unavailable("the database is away"),
        TimeoutError(),
        ConnectionRefusedError(),
        asyncio.CancelledError(),  # by a client that breaks off, not by whoever runs the consumer
    ],
)
async def test_an_outage_of_any_length_costs_no_event(harness: Harness, away: BaseException) -> None:
    desk, letters = Desk(), LetterBox()
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(3)), source="test")
        loop = consumer(bus, desk, letters)
        desk.away = away
        async with running(loop):
            await eventually(lambda: len(desk.batches) >= 60)
            assert not loop.ready
            assert loop.trouble is not None
            assert type(away).__name__ in loop.trouble
            desk.away = None
            await eventually(lambda: loop.handled == 3)
            await eventually(lambda: loop.ready)
            assert loop.trouble is None
    assert (desk.kept, letters.letters) == ([0, 1, 2], [])


async def test_a_poisonous_event_waits_while_the_letter_box_is_away(harness: Harness) -> None:
    desk, letters = Desk(broken=[0]), LetterBox(away=True)
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(2)), source="test")
        loop = consumer(bus, desk, letters)
        async with running(loop):
            await eventually(lambda: loop.trouble is not None and "dead_letter" in loop.trouble)
            assert not loop.ready
            letters.away = False
            await eventually(lambda: loop.handled == 1)
    assert len(letters.letters) == 1


async def test_an_outage_of_the_bus_costs_no_event(breakable: Harness) -> None:
    desk, letters = Desk(), LetterBox()
    # Within its time a member must be able to begin, too, when the broker is back on a busy machine.
    async with breakable.bus(publish_timeout=3.0, session=6.0) as bus:
        await tried(lambda: bus.publish(frames("cam-a", range(3)), source="test"))
        loop = consumer(bus, desk, letters)
        with breakable.outage():
            task = asyncio.create_task(loop.run())
            await eventually(lambda: loop.trouble is not None and "Unavailable" in loop.trouble)
            assert not loop.ready
        await eventually(lambda: loop.handled == 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (sorted(set(desk.kept)), letters.letters) == ([0, 1, 2], [])


async def test_twenty_failures_in_a_row_stop_the_consumer(harness: Harness) -> None:
    desk, letters = Desk(broken=range(5, 100)), LetterBox()
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(60)), source="test")
        loop = consumer(bus, desk, letters)
        async with running(loop) as task, asyncio.timeout(20):
            await task
        assert not loop.ready
        assert loop.trouble is not None
        assert loop.trouble.startswith("stopped: 20 events in a row failed")
        assert [letter.record.offset for letter in letters.letters] == list(range(5, 25))
        desk.broken = set()
        mended = consumer(bus, desk, letters)
        async with running(mended):
            await eventually(lambda: mended.handled == 60)
    assert len(letters.letters) == 20


async def test_failures_with_successes_between_do_not_stop_the_consumer(harness: Harness) -> None:
    desk, letters = Desk(broken=[number for number in range(60) if number % 10]), LetterBox()
    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(60)), source="test")
        loop = consumer(bus, desk, letters)
        async with running(loop):
            await eventually(lambda: loop.handled == 6 and loop.dead_lettered == 54)
            assert loop.ready


async def test_a_cancelled_consumer_finishes_the_batch_in_hand_and_leaves(harness: Harness) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()
    letters = LetterBox()

    async def slow(events: Sequence[Event]) -> None:
        begun.set()
        await finish.wait()

    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(5)), source="test")
        task = asyncio.create_task(consumer(bus, slow, letters, most=3).run())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        finish.set()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        rest = await take_all(await bus.join("group", [FrameCaptured.topic]), expected=2)
    assert [record.offset for record in rest] == [3, 4]


@pytest.mark.parametrize("stuck", [True, False], ids=["stuck", "waiting for a neighbour"])
async def test_a_cancelled_consumer_abandons_what_it_cannot_finish(harness: Harness, stuck: bool) -> None:
    begun = asyncio.Event()

    async def never(events: Sequence[Event]) -> None:
        begun.set()
        if stuck:
            await asyncio.Event().wait()
        raise Unavailable("the database is away")

    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(5)), source="test")
        task = asyncio.create_task(consumer(bus, never, LetterBox(), drain=0.05 if stuck else 60.0).run())
        await begun.wait()
        task.cancel()
        async with asyncio.timeout(20):
            await asyncio.gather(task, return_exceptions=True)
        rest = await take_all(await bus.join("group", [FrameCaptured.topic]), expected=5)
    assert [record.offset for record in rest] == list(range(5))


async def test_a_fenced_consumer_goes_on_with_the_next_batch(harness: Harness) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()
    handled: list[int] = []

    async def slow(events: Sequence[Event]) -> None:
        begun.set()
        await finish.wait()
        handled.extend(number_of(event) for event in events)

    async with harness.bus(silence=0.2) as bus:
        await bus.publish(frames("cam-a", range(3)), source="test")
        loop = consumer(bus, slow, LetterBox())
        async with running(loop):
            await begun.wait()
            other = await bus.join("group", [FrameCaptured.topic])
            await take_all(other, expected=3)
            await other.leave()
            finish.set()
            await eventually(lambda: handled == [0, 1, 2])
            await bus.publish(frames("cam-a", range(3, 5)), source="test")
            await eventually(lambda: handled == [0, 1, 2, 3, 4])
            assert loop.ready


async def test_a_pause_and_its_end_are_told_once_each(harness: Harness) -> None:
    failures = 3

    async def away(events: Sequence[Event]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("the database is away: 7SAM123")

    async with harness.bus() as bus:
        await bus.publish(frames("cam-a", range(3)), source="test")
        loop = consumer(bus, away, LetterBox())
        with structlog.testing.capture_logs() as captured:
            async with running(loop):
                await eventually(lambda: loop.handled == 3)
    told = [line for line in captured if line["log_level"] != "debug"]
    assert [(line["event"], line["group"], line["failures"]) for line in told] == [
        ("consumer_paused", "group", 1),
        ("consumer_resumed", "group", 3),
    ]
    assert told[0]["reason"] == "unavailable"
    assert "7SAM123" not in str(captured)
