"""The doors of corrections (clause J1)."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from platekeeper_common import watermark
from platekeeper_common.access import RECORD_HEADER
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, CurrentUse, Tx, may
from platekeeper_common.uses import use_of
from platekeeper_retention import documents
from platekeeper_retention.corrections import domain, handlers
from platekeeper_retention.corrections.documents import AccuracyDocument, CorrectionAsked
from platekeeper_retention.corrections.training_set import MEDIA_TYPE
from platekeeper_retention.documents import ReadDocument
from platekeeper_retention.handlers import Access
from platekeeper_retention.room import Here

Corrector = Annotated[Caller, may(Action.READ_CORRECT)]
Watcher = Annotated[Caller, may(Action.ACCURACY_VIEW)]
Exporter = Annotated[Caller, may(Action.CORRECTIONS_EXPORT)]
ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {}}, "description": "Pictures and labels"}}
REPEATED: dict[int | str, dict[str, Any]] = {200: {"model": ReadDocument, "description": "That stands already"}}

router = APIRouter(prefix="/v1", tags=["corrections"])


@router.post("/reads/{read_id}/corrections", status_code=201, responses=REPEATED)
async def correct(
    read_id: str, body: CorrectionAsked, who: Corrector, tx: Tx, here: Here, place: CurrentPlace, response: Response
) -> ReadDocument:
    """Say what the plate of a read really is, or that there is none; the read stays, and this beside it.

    With the `version` that you saw: when a later one has come since, look at it first (409 `read_changed`).
    """
    access = Access(who, use_of(here, who, body.use_for(body.reason)), place)
    kept, new = await handlers.correct(tx, here, read_id, body.said(), access, version=body.version)
    response.headers.update({"Cache-Control": "no-store", RECORD_HEADER: tx.record_ids[-1]})
    response.status_code = 201 if new else 200
    return documents.shown(kept)


@router.get("/accuracy")
async def accuracy(
    who: Watcher,
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    first: Annotated[date | None, Query(alias="from", description="The first day, on the agency's calendar")] = None,
    last: Annotated[date | None, Query(alias="to", description="The last day, in it; 31 days at most")] = None,
) -> AccuracyDocument:
    """How often each camera erred, as far as anybody looked, by version of its recogniser and day; the last week's."""
    days, found = await handlers.accuracy(tx, here, first, last, by=who, place=place)
    return AccuracyDocument.of(days, found, here.foundation.policies.agency(who.agency_id).time_zone)


@router.get("/corrections/export", response_class=StreamingResponse, responses=ZIP)
async def export(
    who: Exporter,
    use: CurrentUse,
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    start: Annotated[AwareDatetime | None, Query(alias="from", description="Corrected at or after this moment")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to", description="Corrected before this moment")] = None,
) -> StreamingResponse:
    """Corrected pictures and what they say, as training data: for a purpose that the policy names for it."""
    given = await handlers.begin_export(tx, here, domain.window(start, end), Access(who, use, place))
    headers = {
        watermark.HEADER: given.mark,
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="corrections.zip"',
        RECORD_HEADER: given.record_id,
    }
    return StreamingResponse(handlers.export(here, given), media_type=MEDIA_TYPE, headers=headers)
