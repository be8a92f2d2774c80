"""Events in, handler calls out."""

from collections.abc import Sequence

from platekeeper_common.bus.contract import Handler
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_recognition.room import RecognitionRoom


def read_frames(here: RecognitionRoom) -> Handler:
    """Frames are read as they come."""
    # Here, not above: migrations, start page and gateway load this declaration where OpenCV is not installed.
    from platekeeper_recognition import handlers

    async def read(events: Sequence[Event]) -> None:
        await handlers.read_frames(here, [event for event in events if isinstance(event, FrameCaptured)])

    return read
