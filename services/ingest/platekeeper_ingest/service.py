"""Ingest: the one place that says what this service is."""

from pathlib import Path

from platekeeper_common.events.ingest import DeviceChanged, FrameCaptured
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.metrics import CODE, Say, counter, gauge
from platekeeper_common.service import Grant, Job, Service
from platekeeper_ingest.consumers import FOLLOWS
from platekeeper_ingest.policy import SECTIONS
from platekeeper_ingest.room import NAME, IngestRoom, IngestSettings, open_room
from platekeeper_ingest.routes import router

_TOPICS = (FrameCaptured.topic.name, PlatesRead.topic.name)
FRAMES = counter("platekeeper_ingest_frames_accepted", "Frames accepted: stored and on the bus.")
READS = counter("platekeeper_ingest_reads_accepted", "Reads made in the camera and accepted.")
SUPERSEDED = counter("platekeeper_ingest_reads_superseded", "Reads accepted that a later or final one had superseded.")
REFUSED = counter("platekeeper_ingest_refused", "Calls of devices, and reads within them, refused by code.", code=CODE)
BACKLOG = gauge("platekeeper_ingest_backlog_events", "Events that wait for their slowest group.", topic=_TOPICS)
BACKLOG_LIMIT = gauge("platekeeper_ingest_backlog_limit_events", "At so many devices are told to wait.", topic=_TOPICS)
CALLS = gauge("platekeeper_ingest_calls_in_hand", "Calls of devices that are being taken in.")
DEVICES = gauge("platekeeper_ingest_devices", "Devices in service.")
CAMERAS = gauge("platekeeper_ingest_cameras", "Cameras of devices in service.")


async def _watch_backlog(here: IngestRoom) -> None:
    await here.intake.watch(here.foundation.bus)


async def _counts(here: IngestRoom) -> dict[str, int]:
    in_service = here.register.in_service()
    return {
        "devices": len(in_service),
        "cameras": sum(in_service.values()),
        "frames_accepted": here.intake.frames,
        "reads_accepted": here.intake.reads,
        "reads_superseded": here.intake.superseded,
        **{f"refused_{code}": count for code, count in sorted(here.intake.refused.items())},
    }


async def _figures(here: IngestRoom, say: Say) -> None:
    intake, in_service = here.intake, here.register.in_service()
    say(FRAMES, intake.frames)
    say(READS, intake.reads)
    say(SUPERSEDED, intake.superseded)
    for code, count in intake.refused.items():
        say(REFUSED, count, code=code)
    for backlog in (intake.waiting_frames, intake.waiting_reads):
        say(BACKLOG, backlog.waiting, topic=backlog.topic.name)
        say(BACKLOG_LIMIT, backlog.most, topic=backlog.topic.name)
    say(CALLS, intake.in_hand)
    say(DEVICES, len(in_service))
    say(CAMERAS, sum(in_service.values()))


SERVICE = Service(
    name=NAME,
    summary="Receives frames and reads from registered devices, and keeps the register of devices and cameras.",
    paths=("/v1/devices", "/v1/frames", "/v1/reads"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    grants=(
        Grant("device", "SELECT, INSERT, UPDATE"),
        Grant("camera", "SELECT, INSERT, UPDATE"),
        Grant("edge_pass", "SELECT, INSERT, UPDATE, DELETE"),
    ),
    routes=(router,),
    follows=FOLLOWS,
    emits=(FrameCaptured, PlatesRead, DeviceChanged),
    jobs=(Job("watch the backlog", _watch_backlog, roles=frozenset({"api"})),),
    policy=SECTIONS,
    settings=IngestSettings,
    counts=_counts,
    open_counts=("devices", "cameras"),
    figures=_figures,
)
