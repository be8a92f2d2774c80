"""The records office: what it is."""

from pathlib import Path

from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.metrics import Say, counter, gauge
from platekeeper_common.service import Consumes, Grant, Job, Service
from platekeeper_retention import consumers
from platekeeper_retention.canvasses.routes import router as canvasses
from platekeeper_retention.policy import SECTIONS
from platekeeper_retention.room import NAME, RetentionRoom, RetentionSettings, open_room
from platekeeper_retention.routes import router

READS = gauge("platekeeper_retention_reads", "Versions of reads that are stored.")
READS_STORED = counter("platekeeper_retention_reads_stored", "Versions of reads stored by this process.")


async def counts(here: RetentionRoom) -> dict[str, int]:
    """How many reads are stored."""
    return {"reads_stored": here.found + here.stored}


async def figures(here: RetentionRoom, say: Say) -> None:
    """What operators see of the records office."""
    say(READS, here.found + here.stored)
    say(READS_STORED, here.stored)


async def make_room_ahead(here: RetentionRoom) -> None:
    """There is a partition for each read before it comes."""
    await here.make_room_ahead()


SERVICE = Service(
    name=NAME,
    summary="The records office: stores, searches and shows reads, and keeps them for as long as policy says.",
    # The closing slash leaves POST /v1/reads to ingest.
    paths=("/v1/searches", "/v1/canvasses", "/v1/reads/"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    # A search reads as the role of its agency, which alone may read what a read says (ADR 0022).
    grants=(
        Grant("plate_read", "INSERT, SELECT (agency_id, id, version, received_month)"),
        Grant("canvass", "SELECT, INSERT, UPDATE", roles=("api",)),
    ),
    routes=(router, canvasses),
    consumes=(Consumes(NAME, (PlatesRead.topic,), consumers.store_reads),),
    emits=(AccessRecorded,),
    jobs=(Job("make room for reads", make_room_ahead),),
    policy=SECTIONS,
    settings=RetentionSettings,
    counts=counts,
    figures=figures,
)
