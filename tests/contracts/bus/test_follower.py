"""The follower over every bus: a register that is complete, or not ready."""

import asyncio

from contracts.bus.harness import Harness
from contracts.bus.samples import device, eventually, running

from platekeeper_common.bus.follower import Follower
from platekeeper_common.bus.pauses import Pauses
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import DeviceChanged

AT_ONCE = Pauses(first=0.0001, longest=0.001)


async def test_a_follower_is_ready_when_it_has_caught_up(harness: Harness) -> None:
    register: dict[str, Event] = {}

    async def apply(event: Event) -> None:
        register[event.key] = event

    async with harness.bus() as bus:
        await bus.publish([device("a", 1), device("a", 2), device("b", 1)], source="test")
        follower = Follower(bus, DeviceChanged.topic, apply, pauses=AT_ONCE)
        assert not follower.ready
        async with running(follower), asyncio.timeout(20):
            await follower.caught_up()
            assert (follower.ready, follower.trouble) == (True, None)
            assert register == {"a": device("a", 2), "b": device("b", 1)}
            await bus.publish([device("b", 2)], source="test")
            await eventually(lambda: register["b"] == device("b", 2))
        assert not follower.ready


async def test_a_follower_skips_no_word_and_is_not_ready_while_one_fails(harness: Harness) -> None:
    applied: list[Event] = []
    failing = True

    async def apply(event: Event) -> None:
        if failing and event == device("a", 2):
            raise RuntimeError("the register is locked")
        applied.append(event)

    async with harness.bus() as bus:
        words = [device("a", version) for version in range(4)]
        await bus.publish(words, source="test")
        follower = Follower(bus, DeviceChanged.topic, apply, pauses=AT_ONCE)
        async with running(follower):
            await eventually(lambda: follower.trouble is not None and "RuntimeError" in follower.trouble)
            assert not follower.ready
            failing = False
            await eventually(lambda: follower.ready)
            failing = True
            await bus.publish([device("a", 2)], source="test")
            await eventually(lambda: not follower.ready)
            failing = False
            await eventually(lambda: follower.ready)
    assert applied == [*words, device("a", 2)]


async def test_a_client_that_breaks_off_does_not_end_the_follower(harness: Harness) -> None:
    """What waits for a client that is given up is told that it was cancelled, though nobody cancelled it."""
    applied: list[Event] = []

    async def apply(event: Event) -> None:
        applied.append(event)
        if len(applied) == 1:
            raise asyncio.CancelledError

    async with harness.bus() as bus:
        await bus.publish([device("a", 1)], source="test")
        follower = Follower(bus, DeviceChanged.topic, apply, pauses=AT_ONCE)
        async with running(follower), asyncio.timeout(20):
            await follower.caught_up()
            assert applied == [device("a", 1), device("a", 1)]
