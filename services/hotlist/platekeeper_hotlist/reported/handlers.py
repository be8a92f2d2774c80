"""What is done with reported partial plates; each act leaves an access record with the pattern sealed."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from platekeeper_common import ids, uses
from platekeeper_common.access import Place, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict
from platekeeper_common.shared_policy import IncidentsPolicy
from platekeeper_hotlist.reported import domain, storage
from platekeeper_hotlist.reported.domain import Reported
from platekeeper_hotlist.room import HotlistRoom


async def report(
    tx: Tx,
    here: HotlistRoom,
    incident: str,
    incident_type: str,
    pattern: str,
    *,
    use: Use,
    by: Caller,
    place: Place,
) -> Reported:
    """Keep a partial plate of an incident; of a major one it prompts until it is entered or explained (A7).

    Raises Invalid, Conflict `partial_reported`, Refused `immigration_refused` (J4).
    """
    uses.demand(here, by, Action.PARTIAL_REPORT, use)
    policy = here.foundation.policies.of(by.agency_id).section(IncidentsPolicy)
    domain.demand_incident(incident, incident_type, policy)
    new = Reported(
        id=ids.new(),
        agency_id=by.agency_id,
        incident=incident.strip(),
        incident_type=incident_type,
        major=incident_type in policy.major_types,
        pattern=domain.partial(pattern),
        reported_by=by.username,
        reported_at=here.clock(),
    )
    try:
        await storage.add(tx, new)
    except IntegrityError as error:
        raise Conflict("the incident has this partial plate already", code="partial_reported") from error
    await _record(tx, here, Action.PARTIAL_REPORT, [new], use, by, place)
    return await storage.get(tx, by.agency_id, new.id)


async def listed(
    tx: Tx, here: HotlistRoom, incident: str | None, *, due: bool, use: Use, by: Caller, place: Place
) -> Sequence[Reported]:
    """The agency's, newest first; `due`: those alone that prompt somebody. Raises Invalid (A1, A8)."""
    uses.demand(here, by, Action.PARTIAL_VIEW, use)
    found = [one for one in await storage.newest(tx, by.agency_id, incident) if not due or one.state == "due"]
    await _record(tx, here, Action.PARTIAL_VIEW, found, use, by, place)
    return found


async def not_entered(
    tx: Tx, here: HotlistRoom, reported_id: str, reason: str, *, use: Use, by: Caller, place: Place
) -> Reported:
    """Say why a partial plate is not entered; it stops prompting. Raises NotFound, Conflict, Invalid."""
    uses.demand(here, by, Action.PARTIAL_SETTLE, use)
    await tx.lock()
    known = await storage.get(tx, by.agency_id, reported_id)
    domain.demand_not_entered(known, reason)
    settled = {"reason": reason.strip(), "settled_by": by.username, "settled_at": here.clock()}
    await storage.settle(tx, reported_id, **settled)
    explained = replace(known, reason=reason.strip(), settled_by=by.username, settled_at=here.clock())
    await _record(tx, here, Action.PARTIAL_SETTLE, [explained], use, by, place, {"not_entered": reason.strip()})
    return explained


async def _record(
    tx: Tx,
    here: HotlistRoom,
    action: Action,
    shown: Sequence[Reported],
    use: Use,
    by: Caller,
    place: Place,
    more: dict[str, str] | None = None,
) -> None:
    query = {"plates": [one.pattern for one in shown], "incidents": [one.incident for one in shown], **(more or {})}
    result = Result(count=len(shown), ids=[one.id for one in shown])
    tx.emit(await here.recorder.plate_data(by, action, use, query, result, place))
