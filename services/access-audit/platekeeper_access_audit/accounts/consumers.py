"""What accounts hear: the register of devices, and who acts."""

from collections.abc import Sequence

from platekeeper_access_audit.accounts import handlers
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_common.bus.contract import Apply, Handler
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.events.public import PolicyPublished


def follow_devices(here: AccountsRoom) -> Apply:
    """Every word on a device, from the start."""

    async def apply(event: Event) -> None:
        if isinstance(event, DeviceChanged):
            await handlers.take_device(here, event)

    return apply


def follow_policies(here: AccountsRoom) -> Apply:
    """Which version of its policy each agency has in force, from the start."""

    async def apply(event: Event) -> None:
        if isinstance(event, PolicyPublished):
            known = here.published.get(event.agency_id)
            if known is None or known.version <= event.version:
                here.published[event.agency_id] = event

    return apply


def keep_awake(here: AccountsRoom) -> Handler:
    """The handler of the group `accounts`: the last act of every session, from the access records (G2)."""

    async def keep(events: Sequence[Event]) -> None:
        records = [event for event in events if isinstance(event, AccessRecorded)]
        async with here.db.tx() as tx:
            await sessions.hear_of_acts(tx, records)

    return keep
