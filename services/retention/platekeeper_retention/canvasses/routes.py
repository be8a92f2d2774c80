"""The doors of canvasses (clause A6)."""

from typing import Annotated

from fastapi import APIRouter, Response

from platekeeper_common.access import RECORD_HEADER
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may
from platekeeper_retention import documents
from platekeeper_retention.canvasses import handlers
from platekeeper_retention.canvasses.documents import CanvassAsked, CanvassDocument, CanvassesDocument, CanvassSearch
from platekeeper_retention.documents import SearchResult
from platekeeper_retention.room import Here

Opener = Annotated[Caller, may(Action.CANVASS_OPEN)]
Viewer = Annotated[Caller, may(Action.CANVASS_VIEW)]
Supervisor = Annotated[Caller, may(Action.CANVASS_APPROVE)]
Closer = Annotated[Caller, may(Action.CANVASS_CLOSE)]
Searcher = Annotated[Caller, may(Action.CANVASS_SEARCH)]

router = APIRouter(prefix="/v1/canvasses", tags=["canvasses"])


@router.post("", status_code=201)
async def open_canvass(body: CanvassAsked, who: Opener, tx: Tx, here: Here, place: CurrentPlace) -> CanvassDocument:
    """Open a canvass around a crime scene; over the policy's bounds it waits for a supervisor."""
    opened = await handlers.open_canvass(tx, here, body.canvass(), by=who, place=place)
    return CanvassDocument.of(opened, here.clock())


@router.get("")
async def standing(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> CanvassesDocument:
    """Your agency's canvasses that are not closed, major incidents first."""
    found = await handlers.standing(tx, here, by=who, place=place)
    return CanvassesDocument(canvasses=[CanvassDocument.of(one, here.clock()) for one in found])


@router.post("/{canvass_id}/approve")
async def approve(canvass_id: str, who: Supervisor, tx: Tx, here: Here, place: CurrentPlace) -> CanvassDocument:
    """Let a canvass go beyond the policy's bounds; not by who opened it."""
    approved = await handlers.approve(tx, here, canvass_id, by=who, place=place)
    return CanvassDocument.of(approved, here.clock())


@router.post("/{canvass_id}/searches", status_code=201)
async def search(
    canvass_id: str, body: CanvassSearch, who: Searcher, tx: Tx, here: Here, place: CurrentPlace, response: Response
) -> SearchResult:
    """Find the reads in the canvass's area and window, newest first, a page at a time."""
    page = await handlers.search(
        tx, here, canvass_id, body.query(), limit=body.limit, cursor=body.cursor, by=who, place=place
    )
    response.headers.update({"Cache-Control": "no-store", RECORD_HEADER: tx.record_ids[-1]})
    return documents.result(page)


@router.delete("/{canvass_id}", status_code=204)
async def close(canvass_id: str, who: Closer, tx: Tx, here: Here, place: CurrentPlace) -> None:
    """Close a canvass."""
    await handlers.close(tx, here, canvass_id, by=who, place=place)
