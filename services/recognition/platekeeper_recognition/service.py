"""Recognition, in one place."""

import re
from pathlib import Path

from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.metrics import Say, counter, gauge
from platekeeper_common.service import Consumes, Grant, Job, Service
from platekeeper_recognition import consumers
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.figures import FRAME_SECONDS
from platekeeper_recognition.room import MOST_FRAMES, NAME, RecognitionRoom, RecognitionSettings, open_room

FRAMES = counter("platekeeper_recognition_frames", "Frames read.")
FRAMES_WITHOUT_PLATE = counter("platekeeper_recognition_frames_without_plate", "Frames that showed no plate.")
PLATES = counter("platekeeper_recognition_reads", "Reads published, one for each pass of a vehicle.")
VERSIONS = counter("platekeeper_recognition_better_versions", "Better versions of reads published.")
ENGINE = gauge(
    "platekeeper_recognition_engine_info",
    "Always 1; the engine and model that read (J1).",
    engine=catalogue.NAMES,
    model=re.compile(r"[\w.+ -]{1,60}"),
    version=re.compile(r"[\w.+() -]{1,120}"),
    sha256=re.compile(r"[0-9a-f]{64}|none"),
)


async def _keep_desk(here: RecognitionRoom) -> None:
    await here.desk.run()


def _engine_trouble(here: RecognitionRoom) -> str | None:
    return None if here.desk.model is not None else "the engine is not loaded yet"


async def _forget_passes(here: RecognitionRoom) -> None:
    await here.forget_passes()


async def _counts(here: RecognitionRoom) -> dict[str, int]:
    """Since the service started."""
    tally = here.tally
    return {
        "frames_read": tally.frames,
        "plates_read": tally.plates,
        "better_versions": tally.better_versions,
        "frames_without_plate": tally.frames_without_plate,
    }


async def _figures(here: RecognitionRoom, say: Say) -> None:
    say(FRAMES, here.tally.frames)
    say(FRAMES_WITHOUT_PLATE, here.tally.frames_without_plate)
    say(PLATES, here.tally.plates)
    say(VERSIONS, here.tally.better_versions)
    if (model := here.desk.model) is not None:
        checksum = model.checksum or "none"
        say(ENGINE, 1, engine=here.settings.engine, model=model.name, version=model.version, sha256=checksum)


SERVICE = Service(
    name=NAME,
    summary="Finds the plates in frames and reads them.",
    paths=(),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    grants=(Grant("open_pass", "SELECT, INSERT, UPDATE, DELETE"),),
    consumes=(Consumes(NAME, (FrameCaptured.topic,), consumers.read_frames, most=MOST_FRAMES),),
    emits=(PlatesRead,),
    jobs=(Job("engine", _keep_desk, trouble=_engine_trouble), Job("forget passes", _forget_passes)),
    settings=RecognitionSettings,
    counts=_counts,
    counted=(FRAME_SECONDS,),
    figures=_figures,
)
