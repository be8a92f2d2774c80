"""The records office: what it is."""

from pathlib import Path

from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.public import Figures, Retention, StatedInPublic, Statement
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_common.ids import AgencyId
from platekeeper_common.metrics import Say
from platekeeper_common.periods import Month
from platekeeper_common.service import Consumes, Grant, Job, Service
from platekeeper_retention import consumers, storage
from platekeeper_retention.canvasses.routes import router as canvasses
from platekeeper_retention.corrections.routes import router as corrections
from platekeeper_retention.figures import CORRECTIONS, LOOKS, READS, READS_STORED
from platekeeper_retention.policy import SECTIONS, RetentionPolicy
from platekeeper_retention.room import NAME, RetentionRoom, RetentionSettings, open_room
from platekeeper_retention.routes import router

COUNT_SECONDS = 60.0
"""How long a month of reads may take to be counted."""


async def counts(here: RetentionRoom) -> dict[str, int]:
    """How many reads are stored."""
    return {"reads_stored": here.found + here.stored}


async def says(here: RetentionRoom, agency_id: AgencyId) -> list[Statement]:
    """How long reads are kept, by the schedule in force (F1 to F3)."""
    rules = here.foundation.policies.of(agency_id).section(RetentionPolicy)
    return [
        Retention(
            item=rules.schedule_item,
            authority=rules.authority,
            minimum=str(rules.minimum),
            maximum=None if rules.maximum is None else str(rules.maximum),
            clock=rules.clock,
            purge=rules.purge,
        )
    ]


async def tallies(here: RetentionRoom, agency_id: AgencyId, month: Month) -> Figures:
    """Reads that were received in the month: one count over it, once. No purge has been carried out yet."""
    async with here.db.tx() as tx:
        reads = await storage.received_in(tx, agency_id, month, COUNT_SECONDS)
    return Figures(month=str(month), reads=reads, purges=0)


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
    paths=("/v1/searches", "/v1/canvasses", "/v1/reads/", "/v1/corrections", "/v1/accuracy"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    # A search reads as the role of its agency, which alone may read what a read says (ADR 0022).
    grants=(
        Grant("plate_read", "INSERT, SELECT (agency_id, id, version, received_month)"),
        Grant("canvass", "SELECT, INSERT, UPDATE", roles=("api",)),
        # What was said is read as the role of its agency too (ADR 0039).
        Grant("correction", "INSERT", roles=("api",)),
        Grant(
            "look",
            "INSERT, SELECT (agency_id, read_id, received_month),"
            " UPDATE (camera_id, captured_at, model_name, model_version)",
            roles=("api",),
        ),
    ),
    routes=(router, canvasses, corrections),
    consumes=(Consumes(NAME, (PlatesRead.topic,), consumers.store_reads),),
    emits=(AccessRecorded, ReadCorrected, StatedInPublic),
    jobs=(Job("make room for reads", make_room_ahead),),
    policy=SECTIONS,
    settings=RetentionSettings,
    counts=counts,
    counted=(LOOKS, CORRECTIONS),
    figures=figures,
    says=says,
    tallies=tallies,
)
