"""The doors of the records office."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from platekeeper_common import watermark
from platekeeper_common.access import RECORD_HEADER
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx as UnitOfWork
from platekeeper_common.edge import CurrentPlace, CurrentUse, Tx, may
from platekeeper_common.uses import use_of
from platekeeper_retention import documents, handlers
from platekeeper_retention.documents import ReadDocument, SearchRequest, SearchResult
from platekeeper_retention.handlers import Access
from platekeeper_retention.room import Here, RetentionRoom

NOT_KEPT = {"Cache-Control": "no-store"}
"""No browser or proxy keeps plate data."""
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": {}}, "description": "The picture, decrypted"}}


def not_kept(response: Response) -> None:
    """Forbid keeping the answer."""
    response.headers.update(NOT_KEPT)


router = APIRouter(prefix="/v1", tags=["reads"], dependencies=[Depends(not_kept)])

Searcher = Annotated[Caller, may(Action.SEARCH)]
Reader = Annotated[Caller, may(Action.READ_VIEW)]
Viewer = Annotated[Caller, may(Action.IMAGE_VIEW)]


@router.post("/searches", status_code=201)
async def search(
    body: SearchRequest, who: Searcher, tx: Tx, here: Here, place: CurrentPlace, response: Response
) -> SearchResult:
    """Find the agency\'s reads of a plate, a pattern, an area or both, newest first, a page at a time."""
    access = Access(who, use_of(here, who, body.use_for(body.reason)), place)
    page = await handlers.search(tx, here, body.query(), access, limit=body.limit, cursor=body.cursor)
    response.headers.update(_recorded(tx))
    return documents.result(page)


@router.get("/reads/{read_id}")
async def view(
    read_id: str, who: Reader, use: CurrentUse, tx: Tx, here: Here, place: CurrentPlace, response: Response
) -> ReadDocument:
    """One read, in its last version."""
    kept = await handlers.view(tx, here, read_id, Access(who, use, place))
    response.headers.update(_recorded(tx))
    return documents.shown(kept)


@router.get("/reads/{read_id}/image", response_class=Response, responses=PICTURE)
async def image(read_id: str, who: Viewer, use: CurrentUse, tx: Tx, here: Here, place: CurrentPlace) -> Response:
    """The whole picture that the read was made from."""
    return _picture(tx, here, who, *await handlers.view_picture(tx, here, read_id, "image", Access(who, use, place)))


@router.get("/reads/{read_id}/crop", response_class=Response, responses=PICTURE)
async def crop(read_id: str, who: Viewer, use: CurrentUse, tx: Tx, here: Here, place: CurrentPlace) -> Response:
    """The part of the picture that shows the plate."""
    return _picture(tx, here, who, *await handlers.view_picture(tx, here, read_id, "crop", Access(who, use, place)))


def _picture(tx: UnitOfWork, here: RetentionRoom, who: Caller, data: bytes, media_type: str) -> Response:
    """The picture, with a person's mark in it (H1); who acts under an approved request marks the package instead."""
    headers = {**NOT_KEPT, **_recorded(tx), "X-Content-Type-Options": "nosniff"}
    if who.kind == "person":
        headers[watermark.HEADER] = watermark.text(who, here.clock)
        data = watermark.within(data, headers[watermark.HEADER])
    return Response(data, media_type=media_type, headers=headers)


def _recorded(tx: UnitOfWork) -> dict[str, str]:
    """By which access record the answer is remembered."""
    return {RECORD_HEADER: tx.record_ids[-1]}
