"""Access records from the bus into the ledger."""

from collections.abc import Sequence

from platekeeper_access_audit.ledger import handlers
from platekeeper_common.bus.contract import Handler
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.service import Room


def keep_records(room: Room) -> Handler:
    """The handler of the group `ledger`: appends every access record of a batch in one transaction."""

    async def keep(events: Sequence[Event]) -> None:
        records = [event for event in events if isinstance(event, AccessRecorded)]
        async with room.db.tx() as tx:
            await handlers.append(tx, records, now=room.clock())

    return keep
