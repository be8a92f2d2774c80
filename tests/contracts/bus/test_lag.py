"""How far a group is behind, and since when."""

from datetime import datetime, timedelta

from contracts.bus.harness import Harness
from contracts.bus.samples import MOMENT, frame, frames, one_batch, take_all

from platekeeper_common.bus.contract import Lag
from platekeeper_common.events.ingest import FrameCaptured


class Hours:
    """The present moment, an hour later each time something is published."""

    def __init__(self) -> None:
        self.now = MOMENT

    def __call__(self) -> datetime:
        return self.now


async def test_lag_counts_what_a_group_has_yet_to_handle_from_its_oldest_on(harness: Harness) -> None:
    hours = Hours()
    async with harness.bus(clock=hours) as bus:

        async def behind(group: str) -> list[Lag]:
            return [lag for lag in await bus.lag(group, [FrameCaptured.topic]) if lag.behind]

        assert await behind("group") == []
        await bus.publish(frames("cam-a", range(3)), source="test")
        hours.now += timedelta(hours=1)
        await bus.publish([frame("cam-a", 3)], source="test")
        (lag,) = await behind("group")
        assert (lag.group, lag.topic, lag.behind, lag.waiting_since) == ("group", "frame.captured", 4, MOMENT)

        member = await bus.join("group", [FrameCaptured.topic])
        batch = await one_batch(member, most=3)
        assert (await behind("group"))[0].behind == 4, "a batch in hand is not handled yet"
        await batch.done()
        (lag,) = await behind("group")
        assert (lag.behind, lag.waiting_since) == (1, hours.now)
        await take_all(member, expected=1)
        told = await bus.lag("group", [FrameCaptured.topic])
        assert [lag.partition for lag in told] == sorted({lag.partition for lag in told})
        assert {(lag.behind, lag.waiting_since) for lag in told} == {(0, None)}
