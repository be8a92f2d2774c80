"""From the bus to the handlers."""

from collections.abc import Sequence

from platekeeper_common.bus.contract import Handler
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_retention import handlers
from platekeeper_retention.room import RetentionRoom


def store_reads(here: RetentionRoom) -> Handler:
    """Stores a batch of `plates.read` in one write transaction."""

    async def store(events: Sequence[Event]) -> None:
        read = [event for event in events if isinstance(event, PlatesRead)]
        async with here.db.tx() as tx:
            new = await handlers.store_reads(tx, read, here.foundation.policies)
        here.stored += new

    return store
