"""Ingest: the one place that says what this service is."""

from pathlib import Path

from platekeeper_common.events.ingest import DeviceChanged, FrameCaptured
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.service import Job, Service
from platekeeper_ingest.consumers import FOLLOWS
from platekeeper_ingest.policy import SECTIONS
from platekeeper_ingest.room import NAME, IngestRoom, IngestSettings, open_room
from platekeeper_ingest.routes import router


async def _watch_backlog(here: IngestRoom) -> None:
    await here.intake.watch(here.foundation.bus)


async def _counts(here: IngestRoom) -> dict[str, int]:
    in_service = here.register.in_service()
    return {
        "devices": len(in_service),
        "cameras": sum(in_service.values()),
        "frames_accepted": here.intake.frames,
        "reads_accepted": here.intake.reads,
        **{f"refused_{code}": count for code, count in sorted(here.intake.refused.items())},
    }


SERVICE = Service(
    name=NAME,
    summary="Receives frames and reads from registered devices, and keeps the register of devices and cameras.",
    paths=("/v1/devices", "/v1/frames", "/v1/reads"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    routes=(router,),
    follows=FOLLOWS,
    emits=(FrameCaptured, PlatesRead, DeviceChanged),
    jobs=(Job("watch the backlog", _watch_backlog),),
    policy=SECTIONS,
    settings=IngestSettings,
    counts=_counts,
)
