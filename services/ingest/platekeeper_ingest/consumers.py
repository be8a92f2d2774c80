"""What ingest follows: its own register, as other processes of it changed it."""

from platekeeper_common.bus.contract import Apply
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.service import Follows
from platekeeper_ingest.room import IngestRoom


def _register(here: IngestRoom) -> Apply:
    return here.register.apply


FOLLOWS = (Follows(DeviceChanged.topic, _register),)
