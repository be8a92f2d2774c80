"""The doors of reported partial plates (clause A7)."""

from typing import Annotated

from fastapi import APIRouter, Query

from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, CurrentUse, Tx, may
from platekeeper_common.uses import use_of
from platekeeper_hotlist.reported import handlers
from platekeeper_hotlist.reported.documents import NotEntered, PartialReported, ReportedDocument, ReportedList
from platekeeper_hotlist.room import Here

router = APIRouter(prefix="/v1/reported-partials", tags=["partial plates"])


@router.post("", status_code=201)
async def report(
    body: PartialReported,
    who: Annotated[Caller, may(Action.PARTIAL_REPORT)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> ReportedDocument:
    """Report a partial plate of an incident; of a major one it is to be entered on a hot list."""
    use = use_of(here, who, body.use_for(body.reason))
    kept = await handlers.report(tx, here, body.incident, body.incident_type, body.plate, use=use, by=who, place=place)
    return ReportedDocument.model_validate(kept)


@router.get("")
async def listed(
    who: Annotated[Caller, may(Action.PARTIAL_VIEW)],
    use: CurrentUse,
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    incident: Annotated[str | None, Query(max_length=120)] = None,
    due: Annotated[bool, Query(description="Only those that are to be entered or explained")] = False,
) -> ReportedList:
    """Reported partial plates of your agency, newest first."""
    found = await handlers.listed(tx, here, incident, due=due, use=use, by=who, place=place)
    return ReportedList(partials=[ReportedDocument.model_validate(one) for one in found])


@router.post("/{reported_id}/not-entered")
async def not_entered(
    reported_id: str,
    body: NotEntered,
    who: Annotated[Caller, may(Action.PARTIAL_SETTLE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> ReportedDocument:
    """Say why a partial plate is not entered."""
    use = use_of(here, who, body.use_for(body.reason))
    settled = await handlers.not_entered(tx, here, reported_id, body.why, use=use, by=who, place=place)
    return ReportedDocument.model_validate(settled)
