"""Recognition, in one place."""

from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.service import Consumes, Job, Service
from platekeeper_recognition import consumers
from platekeeper_recognition.room import NAME, RecognitionRoom, RecognitionSettings, open_room


async def _keep_desk(here: RecognitionRoom) -> None:
    await here.desk.run()


async def _counts(here: RecognitionRoom) -> dict[str, int]:
    """Since the service started."""
    tally = here.tally
    return {
        "frames_read": tally.frames,
        "plates_read": tally.plates,
        "frames_without_plate": tally.frames_without_plate,
    }


SERVICE = Service(
    name=NAME,
    summary="Finds the plates in frames and reads them.",
    paths=(),
    open=open_room,
    consumes=(Consumes(NAME, (FrameCaptured.topic,), consumers.read_frames, most=16),),
    emits=(PlatesRead,),
    jobs=(Job("engine", _keep_desk),),
    settings=RecognitionSettings,
    counts=_counts,
)
