"""What accounts hear: the register of devices."""

from platekeeper_access_audit.accounts import handlers
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common.bus.contract import Apply
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import DeviceChanged


def follow_devices(here: AccountsRoom) -> Apply:
    """Every word on a device, from the start."""

    async def apply(event: Event) -> None:
        if isinstance(event, DeviceChanged):
            await handlers.take_device(here, event)

    return apply
