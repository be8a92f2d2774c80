"""Hotlist's doors: lists, entries, hits and the stream of hits."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, CurrentUse, Tx, committed_at_end, may
from platekeeper_common.ids import EntryId, HitId, ListId
from platekeeper_common.uses import use_of
from platekeeper_hotlist import delivery, handlers
from platekeeper_hotlist.delivery import Listener
from platekeeper_hotlist.documents import (
    EntriesDocument,
    EntryAsked,
    EntryDocument,
    HitDocument,
    HitsDocument,
    ListAsked,
    ListDocument,
    ListsDocument,
    SightingsDocument,
)
from platekeeper_hotlist.room import Here

router = APIRouter(prefix="/v1", tags=["hotlist"])
Editor = Annotated[Caller, may(Action.HOTLIST_EDIT)]
Viewer = Annotated[Caller, may(Action.HOTLIST_VIEW)]
Reader = Annotated[Caller, may(Action.HITS_VIEW)]
Cursor = Annotated[str | None, Query(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/hotlists", status_code=201)
async def open_list(body: ListAsked, who: Editor, tx: Tx, here: Here, place: CurrentPlace) -> ListDocument:
    """Open a hot list."""
    opened = await handlers.open_list(tx, here, who, body.list(), use_of(here, who, body.use_for(body.reason)), place)
    return ListDocument.model_validate(opened)


@router.get("/hotlists")
async def lists(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> ListsDocument:
    """The agency's hot lists and how old each is."""
    return ListsDocument.model_validate({"hotlists": await handlers.lists(tx, here, who, place)})


@router.post("/hotlists/{list_id}/entries", status_code=201)
async def list_plate(
    list_id: str, body: EntryAsked, who: Editor, request: Request, here: Here, place: CurrentPlace
) -> EntryDocument:
    """Put a plate on a list. When this answers, reads that are handled here meet the entry."""
    async with committed_at_end(request) as tx:
        use = use_of(here, who, body.use_for(body.reason))
        entry = await handlers.list_plate(tx, here, who, ListId(list_id), body.entry(), use, place)
    await here.in_force.confirm()
    return EntryDocument.model_validate(entry)


@router.get("/hotlists/{list_id}/entries")
async def entries(
    list_id: str,
    who: Viewer,
    tx: Tx,
    here: Here,
    use: CurrentUse,
    place: CurrentPlace,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> EntriesDocument:
    """The entries in force on a list, newest first."""
    found = await handlers.entries(tx, here, who, ListId(list_id), cursor, limit, use, place)
    following = found[-1].id if len(found) == limit else None
    return EntriesDocument.model_validate({"entries": found, "next_cursor": following})


@router.delete("/hotlists/{list_id}/entries/{entry_id}", status_code=204)
async def unlist_plate(
    list_id: str, entry_id: str, who: Editor, request: Request, here: Here, use: CurrentUse, place: CurrentPlace
) -> None:
    """Take an entry off its list. When this answers, no read that is handled here meets it any more."""
    async with committed_at_end(request) as tx:
        await handlers.unlist_plate(tx, here, who, ListId(list_id), EntryId(entry_id), use, place)
    await here.in_force.confirm()


@router.get("/hits")
async def hits(
    who: Reader,
    tx: Tx,
    here: Here,
    use: CurrentUse,
    place: CurrentPlace,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> HitsDocument:
    """The agency's hits, newest first."""
    found = await handlers.newest_hits(tx, here, who, cursor, limit, use, place)
    following = found[-1].raised.id if len(found) == limit else None
    return HitsDocument(hits=[HitDocument.of(hit) for hit in found], next_cursor=following)


@router.get(
    "/hits/stream",
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events", "content": {"text/event-stream": {}}}},
)
async def stream(
    who: Annotated[Caller, may(Action.HITS_STREAM)],
    tx: Tx,
    here: Here,
    use: CurrentUse,
    place: CurrentPlace,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Hits as they are raised: events `hit` (live), `late_hit`, and `partial_hit`, which confirms nothing.
    `hit_revised`: a better version of its read shows another plate; with `revised.kind` null it was a misreading.
    With `Last-Event-ID` all since that event.

    Further sightings of a hit are not told here: `GET /v1/hits` counts them, so read it when you open the stream.
    `end` says that the token has expired, `error` that it has been revoked (`token_revoked`) or what is away; open it
    again with the id of the last hit.
    """
    listener = Listener(caller=who, use=use, place=place)
    return await delivery.open_stream(tx, here, listener, last_event_id)


@router.get("/hits/{hit_id}")
async def hit(hit_id: str, who: Reader, tx: Tx, here: Here, use: CurrentUse, place: CurrentPlace) -> HitDocument:
    """One hit."""
    return HitDocument.of(await handlers.hit(tx, here, who, HitId(hit_id), use, place))


@router.get("/hits/{hit_id}/sightings")
async def sightings(
    hit_id: str,
    who: Reader,
    tx: Tx,
    here: Here,
    use: CurrentUse,
    place: CurrentPlace,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SightingsDocument:
    """The reads that were counted to a hit, last captured first; `cursor` is the id of a read."""
    found = await handlers.sightings_of(tx, here, who, HitId(hit_id), cursor, limit, use, place)
    following = found[-1].read_id if len(found) == limit else None
    return SightingsDocument.model_validate({"sightings": found, "next_cursor": following})
