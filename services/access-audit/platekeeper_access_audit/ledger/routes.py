"""The ledger's door: for the administrators and auditors of an agency, each to its own records."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from platekeeper_access_audit.ledger import handlers
from platekeeper_access_audit.ledger.documents import (
    Choice,
    ExportedRecord,
    PageChoice,
    PageDocument,
    ProducerDocument,
    RecordInFull,
)
from platekeeper_access_audit.ledger.room import Here
from platekeeper_access_audit.ledger.tracing import handlers as tracing
from platekeeper_access_audit.ledger.tracing.documents import PlateAsked
from platekeeper_common import watermark
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may
from platekeeper_common.errors import Unauthenticated
from platekeeper_common.uses import use_of

NDJSON = "application/x-ndjson"
NOT_KEPT = {"Cache-Control": "no-store"}

router = APIRouter(prefix="/v1/access-records", tags=["access records"])
strangers = APIRouter(prefix="/v1/strangers", tags=["strangers"])
Viewer = Annotated[Caller, may(Action.RECORDS_VIEW)]
Tracer = Annotated[Caller, may(Action.RECORDS_TRACE)]


@strangers.get("", status_code=401)
async def count_stranger(code: Literal["token_missing", "token_invalid", "token_expired"]) -> None:
    """Whom the gateway refused is told so here, once a minute, and counted as any stranger is (H2)."""
    raise Unauthenticated("log in; the token is missing, expired or not one of ours", code=code, clause="G2")


@router.get("")
async def browse(
    choice: Annotated[PageChoice, Query()], who: Viewer, tx: Tx, here: Here, place: CurrentPlace
) -> PageDocument:
    """Access records of your agency, newest first, without their query elements."""
    selection = choice.of(handlers.own_agency(who))
    page = await handlers.browse(tx, here, who, selection, after=choice.after(), limit=choice.limit, place=place)
    return PageDocument.of(page)


@router.get("/producers")
async def check_numbers(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> list[ProducerDocument]:
    """The highest number of each producer, and the numbers below it that have not arrived."""
    report = await handlers.check_numbers(tx, here, who, place=place)
    return [ProducerDocument.of(producer, gaps) for producer, gaps in report]


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {NDJSON: {}}}})
async def export(
    choice: Annotated[Choice, Query()], who: Viewer, tx: Tx, here: Here, place: CurrentPlace
) -> StreamingResponse:
    """Access records of your agency with their query elements, newest first, one JSON document a line."""
    selection = choice.of(handlers.own_agency(who))
    await handlers.begin_export(tx, here, who, selection, place=place)
    mark = watermark.text(who, here.clock)

    async def lines() -> AsyncIterator[str]:
        async for entry, query in handlers.export(here.db, here.foundation.keys, who, selection):
            yield ExportedRecord.given(entry, query, mark).model_dump_json() + "\n"

    return StreamingResponse(lines(), media_type=NDJSON, headers={**NOT_KEPT, watermark.HEADER: mark})


@router.post("/export", response_class=StreamingResponse, responses={200: {"content": {NDJSON: {}}}})
async def export_of_plate(body: PlateAsked, who: Tracer, tx: Tx, here: Here, place: CurrentPlace) -> StreamingResponse:
    """Access records of your agency that name a plate, with their query elements, one JSON document a line."""
    asked, use = body.question(here.clock()), use_of(here, who, body.use_for(body.reason))
    found = await tracing.named(tx, here, who, asked, use, place)
    mark = watermark.text(who, here.clock)
    lines = [ExportedRecord.given(one.entry, dict(one.query), mark).model_dump_json() + "\n" for one in found]
    return StreamingResponse(iter(lines), media_type=NDJSON, headers={**NOT_KEPT, watermark.HEADER: mark})


@router.get("/{record_id}")
async def show(record_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> RecordInFull:
    """One access record of your agency with its query elements, and with what proves it."""
    entry, query = await handlers.show(tx, here, who, record_id, place=place)
    return RecordInFull.opened(entry, query)
