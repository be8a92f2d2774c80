"""Hotlist, in one place."""

from pathlib import Path

from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.hotlist import HitRaised, HotlistChanged
from platekeeper_common.events.public import Accuracy, Figures, StatedInPublic, Statement
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_common.ids import AgencyId
from platekeeper_common.metrics import Say
from platekeeper_common.periods import Month
from platekeeper_common.service import Consumes, Follows, Grant, Job, Service
from platekeeper_hotlist import consumers, hits, import_routes, storage
from platekeeper_hotlist.figures import HITS, LISTENERS
from platekeeper_hotlist.policy import SECTIONS, HotlistPolicy
from platekeeper_hotlist.reported.routes import router as reported
from platekeeper_hotlist.reported.storage import number_due as partials_due
from platekeeper_hotlist.room import HotlistRoom, HotlistSettings, open_room
from platekeeper_hotlist.routes import router


async def confirm_lists(here: HotlistRoom) -> None:
    """Keep the index true to the tables."""
    await here.in_force.keep_confirmed(here.settings.confirm_every)


async def counts(here: HotlistRoom) -> dict[str, int]:
    """Lists, entries in force, hits by kind, late hits, the reads counted to hits, and partial plates to be entered."""
    async with here.db.tx() as tx:
        due = {"partials_due": await partials_due(tx)}
        return await storage.counts(tx, here.clock()) | await hits.counts(tx) | due


async def says(here: HotlistRoom, agency_id: AgencyId) -> list[Statement]:
    """What is done against errors before anybody acts on an alert (D2, A7)."""
    rules = here.foundation.policies.of(agency_id).section(HotlistPolicy)
    return [
        Accuracy(
            clets_verification=rules.clets_verification,
            clets_before=rules.clets_before,
            look_alikes_at_most=rules.look_alikes_at_most,
            partial_expires_after_days=rules.partial_expires_after.days,
        )
    ]


async def tallies(here: HotlistRoom, agency_id: AgencyId, month: Month) -> Figures:
    """Hits that were raised in the month: one count over the index of their moments, once."""
    async with here.db.tx() as tx:
        return Figures(month=str(month), hits=await hits.raised_in(tx, agency_id, month))


async def figures(here: HotlistRoom, say: Say) -> None:
    """Who listens; hits are counted as they are raised."""
    say(LISTENERS, here.listeners)


SERVICE = Service(
    name="hotlist",
    summary="Keeps hot lists, matches every read against them, and tells of hits as they are raised.",
    paths=("/v1/hotlists", "/v1/hits", "/v1/reported-partials"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    grants=(
        Grant("hotlist", "SELECT, INSERT, UPDATE"),
        Grant("entry", "SELECT, INSERT, UPDATE"),
        Grant("hit", "SELECT, INSERT, UPDATE"),
        Grant("sighting", "SELECT, INSERT"),
        Grant("list_import", "SELECT, INSERT, UPDATE"),
        Grant("list_import_span", "SELECT, INSERT"),
        Grant("list_import_said", "SELECT, INSERT, DELETE"),
        Grant("read_correction", "SELECT, INSERT"),
        Grant("reported_partial", "SELECT, INSERT, UPDATE", roles=("api",)),
    ),
    routes=(router, import_routes.router, reported),
    consumes=(
        Consumes("hotlist", (PlatesRead.topic,), consumers.match_reads),
        Consumes("hotlist-corrections", (ReadCorrected.topic,), consumers.hear_corrections),
    ),
    follows=(Follows(HotlistChanged.topic, consumers.load_changes),),
    emits=(HitRaised, HotlistChanged, AccessRecorded, StatedInPublic),
    jobs=(Job("confirm hot lists", confirm_lists),),
    policy=SECTIONS,
    settings=HotlistSettings,
    long_bodies={"/v1/hotlists/{list_id}/imports": "import_limit"},
    counts=counts,
    open_counts=("lists",),
    counted=(HITS,),
    figures=figures,
    says=says,
    tallies=tallies,
)
