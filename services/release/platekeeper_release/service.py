"""Release: what it is."""

from pathlib import Path

from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.public import AgenciesWithAccess, Figures, Sharing, StatedInPublic, Statement
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Month
from platekeeper_common.service import Grant, Service
from platekeeper_release import recipient_storage, storage
from platekeeper_release.policy import SECTIONS, ReleasePolicy
from platekeeper_release.room import NAME, ReleaseRoom, ReleaseSettings, open_room
from platekeeper_release.routes import router


async def counts(here: ReleaseRoom) -> dict[str, int]:
    """Figures for the start page."""
    async with here.db.tx() as tx:
        return await storage.counts(tx)


async def says(here: ReleaseRoom, agency_id: AgencyId) -> list[Statement]:
    """By which routes data may leave, and to which agencies some may today (I1 to I7)."""
    rules = here.foundation.policies.of(agency_id).section(ReleasePolicy)
    async with here.db.tx() as tx:
        granted = await storage.granted(tx, agency_id, here.clock())
        known = await recipient_storage.of_agency(tx, agency_id)
    names = {one.name for one in known if one.id in granted and one.withdrawn_at is None}
    sharing = Sharing(routes=rules.routes, approver=rules.approver, non_le_owner=rules.non_le_owner)
    return [sharing, AgenciesWithAccess(agencies=tuple(sorted(names)))]


async def tallies(here: ReleaseRoom, agency_id: AgencyId, month: Month) -> Figures:
    """What was sent in the month, and which requests were denied: the files of one month, once."""
    async with here.db.tx() as tx:
        decided = await storage.decisions_in(tx, agency_id, month)
        sent = await storage.sent_in(tx, agency_id, month)
    denied = sum(one.outcome == "denied" for one in decided)
    return Figures(month=str(month), releases=sent, releases_refused=denied)


SERVICE = Service(
    name=NAME,
    summary="Written requests of other agencies: received, decided, fulfilled exactly, and kept.",
    paths=("/v1/recipients", "/v1/release-requests", "/v1/release-key"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    grants=(
        Grant("recipient", "SELECT, INSERT, UPDATE"),
        Grant("partner_person", "SELECT, INSERT"),
        Grant("release_request", "SELECT, INSERT"),
        Grant("decision", "SELECT, INSERT"),
        Grant("fulfilment", "SELECT, INSERT"),
    ),
    routes=(router,),
    emits=(AccessRecorded, StatedInPublic),
    calls=("accounts", "retention"),
    policy=SECTIONS,
    settings=ReleaseSettings,
    counts=counts,
    says=says,
    tallies=tallies,
)
