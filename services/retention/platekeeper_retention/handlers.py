"""What the records office does: store reads, answer searches, show a read and its pictures.

Whatever shows plate data emits its access record into the transaction that the edge commits before the first byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import structlog

from platekeeper_common import ids, uses
from platekeeper_common.access import Place, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Reject, Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound, PlatekeeperError, Refused
from platekeeper_common.events.recognition import PlateRead, PlatesRead
from platekeeper_common.policies import Policies
from platekeeper_common.policy import Profile
from platekeeper_common.service import Room
from platekeeper_retention import correction_storage, domain, finding, paging, partitions, storage
from platekeeper_retention.domain import KeptRead, Query
from platekeeper_retention.figures import LOOKS
from platekeeper_retention.paging import Cursor
from platekeeper_retention.policy import CanvassPolicy, RetentionPolicy
from platekeeper_retention.room import RetentionRoom

Picture = Literal["image", "crop"]
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, for what use and from where: what an access record says besides the question and its answer."""

    by: Caller
    use: Use
    place: Place


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search, newest first."""

    search_id: str
    reads: Sequence[KeptRead]
    next_cursor: str | None


async def store_reads(tx: Tx, events: Sequence[PlatesRead], policies: Policies) -> int:
    """Store every read of the events with its time of keeping (F1); how many were new. Safe to run twice.

    Raises Reject `agency_closed`, `agency_mismatch`, `plate_not_normalised` or `moment_without_zone`; Unavailable while
    the policies do not know the agency, whose opening may still be on its way.
    """
    kept: list[KeptRead] = []
    for event in events:
        profile = _profile(event, policies)
        if (fault := domain.fault(event)) is not None:
            raise Reject(event, fault)
        kept += domain.keep(event, profile.section(RetentionPolicy), profile.version)
    return await storage.store(tx, kept)


async def search(tx: Tx, here: RetentionRoom, query: Query, access: Access, *, limit: int, cursor: str | None) -> Page:
    """A page of the search, with an access record of its own.

    Raises Invalid for what the use lacks (A1, A8), `canvass_required` (A6), `search_unbounded` (A7) or a cursor of
    another search, Refused `immigration_refused` (J4) or `outside_scope`, Busy `query_too_slow`.
    """
    uses.demand(here, access.by, Action.SEARCH, access.use)
    key, by = here.foundation.ids, access.by
    domain.demand_bound(query, by.delegation, here.foundation.policies.of(by.agency_id).section(CanvassPolicy))
    domain.demand_question_within(query, by.delegation)
    after = None if cursor is None else paging.read(cursor, query, by, key)
    search_id = after.search_id if after else ids.new()
    seconds = here.foundation.settings.query_seconds
    await here.reach(by.agency_id)
    found = await finding.find(tx, by.agency_id, query, after, limit + 1, seconds)
    shown = found[:limit]
    elements = query.elements() | {"search_id": search_id, "limit": limit} | ({"after": after.read_id} if after else {})
    action = Action.SEARCH if query.canvass is None else Action.CANVASS_SEARCH
    await record(tx, here, action, access, elements, [kept.read.id for kept in shown])
    if len(found) <= limit:
        return Page(search_id, shown, None)
    last = shown[-1].read
    return Page(search_id, shown, paging.write(Cursor(search_id, last.captured_at, last.id), query, by, key))


async def view(tx: Tx, here: RetentionRoom, read_id: str, access: Access) -> KeptRead:
    """The read in its last version.

    Raises Invalid for what the use lacks, NotFound `read_unknown`, Refused `outside_scope`.
    """
    kept = await get(tx, here, Action.READ_VIEW, read_id, access)
    await record(tx, here, Action.READ_VIEW, access, {"read_id": read_id, "version": kept.read.version}, [read_id])
    return kept


async def view_picture(
    tx: Tx, here: RetentionRoom, read_id: str, picture: Picture, access: Access
) -> tuple[bytes, str]:
    """The plain bytes of the read's image or crop, and their media type.

    Raises Invalid for what the use lacks, NotFound `read_unknown` or `image_absent`, Refused `outside_scope`, Gone when
    it was destroyed.
    """
    kept = await get(tx, here, Action.IMAGE_VIEW, read_id, access)
    reference = kept.read.image if picture == "image" else kept.read.crop
    if reference is None:
        raise NotFound(f"the read came without its {picture}", code="image_absent")
    try:
        data = await here.foundation.objects.get(reference)
    except ValueError as error:
        _log.error("picture altered", read=read_id, picture=picture)
        raise PlatekeeperError(f"the {picture} kept is not the one received", code="image_altered") from error
    elements = {"read_id": read_id, "version": kept.read.version, "picture": picture}
    if access.by.kind == "person":
        month = await correction_storage.month_of(tx, kept.read)
        await here.reach_beside(access.by.agency_id, month)
        await look_at(tx, here, kept.read, month)
    await record(tx, here, Action.IMAGE_VIEW, access, elements, [read_id])
    return data, reference.media_type


async def look_at(tx: Tx, here: RetentionRoom, read: PlateRead, month: date) -> bool:
    """Keep that a person has seen what the camera saw: a read among those that could have been found wrong (J1).

    Whether that is new. There must be room for what is said of the month's reads.
    """
    new = await correction_storage.looked_at(tx, read, month, here.clock())
    if new:

        async def count() -> None:
            here.meter.count(LOOKS, source=read.source)

        tx.after_commit(count)
    return new


async def get(tx: Tx, here: RetentionRoom, action: Action, read_id: str, access: Access) -> KeptRead:
    """The read in its last version, for whoever may do the action for the use, with what was said of it.

    Raises Invalid for what the use lacks, NotFound `read_unknown`, Refused `outside_scope`.
    """
    uses.demand(here, access.by, action, access.use)
    await here.reach(access.by.agency_id)
    kept = await storage.get(tx, access.by.agency_id, read_id)
    if kept is None:
        raise NotFound("no such read", code="read_unknown")
    async with partitions.own_reads(tx, access.by.agency_id):
        (kept,) = await correction_storage.with_corrections(tx, access.by.agency_id, [kept])
    domain.demand_read_within(kept, access.by.delegation)
    return kept


async def record(
    tx: Tx, here: Room, action: Action, access: Access, asked: dict[str, Any], shown: Sequence[str]
) -> None:
    """Leave the access record of what was shown or done."""
    result = Result(count=len(shown), ids=shown)
    tx.emit(await here.recorder.plate_data(access.by, action, access.use, asked, result, access.place))


def _profile(event: PlatesRead, policies: Policies) -> Profile:
    try:
        if policies.agency(event.agency_id).mode == "closed":
            raise Reject(event, "agency_closed")
        return policies.of(event.agency_id)
    except Refused as error:
        raise Unavailable(f"no policy yet: {error.detail}") from error
