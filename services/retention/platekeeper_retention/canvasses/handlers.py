"""What is done with a canvass: open, approve, search, close. Each leaves an access record with area and window."""

from collections.abc import Sequence
from dataclasses import replace

from platekeeper_common import ids, uses
from platekeeper_common.access import Place, Result
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.shared_policy import IncidentsPolicy
from platekeeper_retention import handlers
from platekeeper_retention.canvasses import domain, storage
from platekeeper_retention.canvasses.domain import Canvass, NewCanvass
from platekeeper_retention.domain import Query
from platekeeper_retention.handlers import Access, Page
from platekeeper_retention.policy import CanvassPolicy
from platekeeper_retention.room import RetentionRoom


async def open_canvass(tx: Tx, here: RetentionRoom, new: NewCanvass, *, by: Caller, place: Place) -> Canvass:
    """Open a canvass; over the policy's bounds it waits for a supervisor. Raises Invalid for what it lacks."""
    profile = here.foundation.policies.of(by.agency_id)
    policy, incidents, now = profile.section(CanvassPolicy), profile.section(IncidentsPolicy), here.clock()
    domain.demand_new(new, incidents)
    opened = Canvass(
        id=ids.new(),
        agency_id=by.agency_id,
        incident_number=new.incident_number.strip(),
        incident_type=new.incident_type,
        major=new.incident_type in incidents.major_types,
        area=new.area,
        captured_from=new.captured_from,
        captured_to=new.captured_to,
        opened_by=by.subject,
        opened_by_name=by.name,
        opened_at=now,
        closes_at=now + policy.open_for,
        over=domain.over(new, policy),
    )
    uses.demand(here, by, Action.CANVASS_OPEN, opened.use)
    await storage.add(tx, opened)
    await _record(tx, here, Action.CANVASS_OPEN, opened, by, place)
    return opened


async def standing(tx: Tx, here: RetentionRoom, *, by: Caller, place: Place) -> Sequence[Canvass]:
    """The agency's canvasses that are not closed, major incidents first."""
    now = here.clock()
    found = domain.ordered(await storage.closing_after(tx, by.agency_id, now), now)
    tx.emit(here.recorder.administration(by, Action.CANVASS_VIEW, "canvasses", by.agency_id, place))
    return found


async def approve(tx: Tx, here: RetentionRoom, canvass_id: str, *, by: Caller, place: Place) -> Canvass:
    """A supervisor lets a canvass go beyond the bounds. Raises NotFound, Conflict, Refused `own_canvass`."""
    await tx.lock()
    known, now = await storage.get(tx, by.agency_id, canvass_id), here.clock()
    domain.demand_approver(known, by, now)
    approval = {"approved_by": by.subject, "approved_by_name": by.name, "approved_at": now}
    await storage.change(tx, by.agency_id, canvass_id, **approval)
    await _record(tx, here, Action.CANVASS_APPROVE, known, by, place)
    return replace(known, approved_by=by.subject, approved_by_name=by.name, approved_at=now)


async def close(tx: Tx, here: RetentionRoom, canvass_id: str, *, by: Caller, place: Place) -> None:
    """Nobody searches under it any more. Raises NotFound."""
    await tx.lock()
    known, now = await storage.get(tx, by.agency_id, canvass_id), here.clock()
    if known.state(now) != "closed":
        await storage.change(tx, by.agency_id, canvass_id, closed_at=now)
    await _record(tx, here, Action.CANVASS_CLOSE, known, by, place)


async def search(
    tx: Tx,
    here: RetentionRoom,
    canvass_id: str,
    asked: Query,
    *,
    limit: int,
    cursor: str | None,
    by: Caller,
    place: Place,
) -> Page:
    """A page of the reads in the canvass's area and window, narrowed by what `asked` names beside them.

    Raises NotFound, Conflict `canvass_closed`, Refused `canvass_not_approved`, and what a search raises.
    """
    known = await storage.get(tx, by.agency_id, canvass_id)
    domain.demand_open(known, here.clock())
    within = replace(
        asked, area=known.area, captured_from=known.captured_from, captured_to=known.captured_to, canvass=known.id
    )
    return await handlers.search(tx, here, within, Access(by, known.use, place), limit=limit, cursor=cursor)


async def _record(tx: Tx, here: RetentionRoom, action: Action, canvass: Canvass, by: Caller, place: Place) -> None:
    tx.emit(await here.recorder.plate_data(by, action, canvass.use, canvass.elements(), Result(), place))
