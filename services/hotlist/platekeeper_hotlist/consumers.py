"""What hotlist hears on the bus: reads to match, and changes of its own lists."""

from collections.abc import Sequence

from platekeeper_common.bus.contract import Apply, Handler
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.hotlist import HotlistChanged
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_hotlist import handlers
from platekeeper_hotlist.room import HotlistRoom


def match_reads(here: HotlistRoom) -> Handler:
    """Match the reads of a batch."""

    async def handle(events: Sequence[Event]) -> None:
        await handlers.match_reads(
            here, [read for event in events if isinstance(event, PlatesRead) for read in event.reads]
        )

    return handle


def hear_corrections(here: HotlistRoom) -> Handler:
    """Keep what officers say of reads, and match what they say."""

    async def handle(events: Sequence[Event]) -> None:
        await handlers.hear_corrections(here, [event for event in events if isinstance(event, ReadCorrected)])

    return handle


def load_changes(here: HotlistRoom) -> Apply:
    """Load a list that changed in another process."""

    async def apply(event: Event) -> None:
        if isinstance(event, HotlistChanged):
            here.in_force.tell(event)

    return apply
