"""The door of the question who searched a plate."""

from typing import Annotated

from fastapi import APIRouter, Response

from platekeeper_access_audit.ledger.room import Here
from platekeeper_access_audit.ledger.tracing import handlers
from platekeeper_access_audit.ledger.tracing.documents import PlateAsked, TraceDocument
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may
from platekeeper_common.uses import use_of

router = APIRouter(prefix="/v1/access-records", tags=["access records"])
Tracer = Annotated[Caller, may(Action.RECORDS_TRACE)]


@router.post("/who-searched")
async def who_searched(
    body: PlateAsked, who: Tracer, tx: Tx, here: Here, place: CurrentPlace, response: Response
) -> TraceDocument:
    """Who of your agency asked for this plate, and whose pattern or area searches could have shown it."""
    response.headers["Cache-Control"] = "no-store"
    use = use_of(here, who, body.use_for(body.reason))
    answer = await handlers.who_searched(tx, here, who, body.question(here.clock()), use, place)
    return TraceDocument.of(answer)
