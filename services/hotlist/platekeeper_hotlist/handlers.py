"""What can be done with hot lists and hits, one transaction each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from platekeeper_common import ids, patterns, uses
from platekeeper_common.access import Place, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, NotFound, Refused
from platekeeper_common.events.hotlist import HitRaised, HotlistChanged
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_common.ids import AgencyId, EntryId, HitId, ListId
from platekeeper_common.policies import Policies
from platekeeper_hotlist import corrected, correction_storage, domain, hits, matching, sightings, storage
from platekeeper_hotlist.domain import Entry, HotList, NewEntry, NewList
from platekeeper_hotlist.figures import HITS
from platekeeper_hotlist.matching import Match
from platekeeper_hotlist.policy import HotlistPolicy
from platekeeper_hotlist.room import HotlistRoom
from platekeeper_hotlist.sightings import CountedHit, KeptSighting, Tally


async def open_list(tx: Tx, here: HotlistRoom, by: Caller, new: NewList, use: Use, place: Place) -> HotList:
    """A new, empty list. Raises Invalid (A1), Refused as `refuse_prohibited` (A4, J4), Conflict `hotlist_exists`."""
    uses.demand_purpose(here, by, Action.HOTLIST_EDIT, use)
    opened = domain.opened(new, ListId(ids.new()), by.agency_id, by.username, here.clock())
    try:
        await storage.add_list(tx, opened)
    except IntegrityError as error:
        raise Conflict("your agency has a hot list of this name", code="hotlist_exists") from error
    query = {"hotlist": opened.id, "name": opened.name, "source": opened.source}
    tx.emit(
        HotlistChanged(agency_id=by.agency_id, list_id=opened.id, version=opened.version),
        await here.recorder.plate_data(by, Action.HOTLIST_EDIT, use, query, Result(count=1, ids=[opened.id]), place),
    )
    return opened


async def lists(tx: Tx, here: HotlistRoom, by: Caller, place: Place) -> list[HotList]:
    """The lists of the caller's agency, by name; no plates."""
    found = await storage.lists(tx, by.agency_id)
    tx.emit(here.recorder.administration(by, Action.HOTLIST_VIEW, "hotlists", by.agency_id, place))
    return found


async def list_plate(
    tx: Tx, here: HotlistRoom, by: Caller, list_id: ListId, new: NewEntry, use: Use, place: Place
) -> Entry:
    """Put a plate on a list of the caller's agency.

    Raises Invalid naming the field or the use that is missing (A1, A8), Refused as `refuse_prohibited` (A4, J4),
    NotFound, Conflict `entry_exists` with the `entry_id` that says the same already, or `partials_full` (A7).
    """
    uses.demand(here, by, Action.HOTLIST_EDIT, use)
    now = here.clock()
    admitted = domain.admitted(new, here.foundation.policies.of(by.agency_id).section(HotlistPolicy), now)
    await tx.lock()
    on = await storage.one_list(tx, by.agency_id, list_id)
    if same := await storage.same_entry(tx, list_id, admitted.plate, admitted.state, now):
        raise Conflict("this list holds this plate of this state already", code="entry_exists", entry_id=same)
    if patterns.is_pattern(admitted.plate):
        domain.demand_room_for_partial(await storage.partials(tx, list_id, now))
    version = await storage.change(tx, list_id, now)
    entry = domain.entry(admitted, on, EntryId(ids.new()), version, use, by.username, now)
    await storage.add_entry(tx, entry)
    await _record_change(tx, here, by, entry, version, use, place)
    return entry


async def unlist_plate(
    tx: Tx, here: HotlistRoom, by: Caller, list_id: ListId, entry_id: EntryId, use: Use, place: Place
) -> None:
    """Take an entry off its list. Raises Invalid (A1, A8), NotFound."""
    uses.demand(here, by, Action.HOTLIST_EDIT, use)
    now = here.clock()
    await tx.lock()
    await storage.one_list(tx, by.agency_id, list_id)
    entry = await storage.entry_in_force(tx, list_id, entry_id, now)
    version = await storage.change(tx, list_id, now)
    await storage.remove_entry(tx, entry_id, version, by.username, now)
    await _record_change(tx, here, by, entry, version, use, place)


async def entries(
    tx: Tx, here: HotlistRoom, by: Caller, list_id: ListId, cursor: str | None, limit: int, use: Use, place: Place
) -> list[Entry]:
    """Up to `limit` entries in force, newest first. Raises Invalid (A1, A8), NotFound."""
    uses.demand(here, by, Action.HOTLIST_VIEW, use)
    on = await storage.one_list(tx, by.agency_id, list_id)
    found = await storage.entries(tx, on.id, cursor, limit, here.clock())
    query = {"hotlist": list_id, "cursor": cursor, "plates": [entry.plate for entry in found]}
    result = Result(count=len(found), ids=[entry.id for entry in found])
    tx.emit(await here.recorder.plate_data(by, Action.HOTLIST_VIEW, use, query, result, place))
    return found


async def newest_hits(
    tx: Tx, here: HotlistRoom, by: Caller, cursor: str | None, limit: int, use: Use, place: Place
) -> list[CountedHit]:
    """Up to `limit` hits of the caller's agency, newest first. Raises Invalid (A1, A8, `cursor_invalid`)."""
    uses.demand(here, by, Action.HITS_VIEW, use)
    found = await correction_storage.beside_hits(tx, await hits.newest(tx, by.agency_id, cursor, limit))
    query = {"hits": "newest", "cursor": cursor, "limit": limit}
    result = Result(count=len(found), ids=[hit.raised.id for hit in found])
    tx.emit(await here.recorder.plate_data(by, Action.HITS_VIEW, use, query, result, place))
    return found


async def hit(tx: Tx, here: HotlistRoom, by: Caller, hit_id: HitId, use: Use, place: Place) -> CountedHit:
    """One hit of the caller's agency. Raises Invalid (A1, A8), NotFound."""
    uses.demand(here, by, Action.HITS_VIEW, use)
    found = await _own_hit(tx, by, hit_id)
    tx.emit(
        await here.recorder.plate_data(by, Action.HITS_VIEW, use, {"hit": hit_id}, Result(count=1, ids=[hit_id]), place)
    )
    return found


async def sightings_of(
    tx: Tx, here: HotlistRoom, by: Caller, hit_id: HitId, cursor: str | None, limit: int, use: Use, place: Place
) -> list[KeptSighting]:
    """Up to `limit` sightings of a hit of the caller's agency, last captured first.

    Raises Invalid (A1, A8, `cursor_invalid`), NotFound.
    """
    uses.demand(here, by, Action.HITS_VIEW, use)
    await _own_hit(tx, by, hit_id)
    found = await hits.sightings_of(tx, hit_id, cursor, limit)
    found = await correction_storage.beside_sightings(tx, by.agency_id, found)
    query = {"hit": hit_id, "sightings": "newest", "cursor": cursor, "limit": limit}
    result = Result(count=len(found), ids=[sighting.read_id for sighting in found])
    tx.emit(await here.recorder.plate_data(by, Action.HITS_VIEW, use, query, result, place))
    return found


async def hear_corrections(here: HotlistRoom, said: Sequence[ReadCorrected]) -> None:
    """Keep what officers said of reads, and match what they say the plates are: for investigators, never live (J1).

    Safe to run twice. Raises Unavailable as `match_reads`.
    """
    async with here.db.tx() as tx:
        await correction_storage.keep(tx, said)
    standing = {one.read.id: one for one in sorted(said, key=lambda one: one.number)}
    meant = [read for one in standing.values() if (read := corrected.as_corrected(one)) is not None]
    if meant:
        await match_reads(here, meant, by_correction=True)


async def match_reads(here: HotlistRoom, reads: Sequence[PlateRead], *, by_correction: bool = False) -> None:
    """Raise a hit, or add a sighting to the open one, for every read that an entry in force matches.

    `by_correction`: officers say that these are the plates, so that nothing that only looks alike is meant. A better
    version of a read revises the hits that it raised. What an officer said of a read stands: where the camera says
    otherwise, that is never a live alert and revises nothing.

    Safe to run twice, and beside itself: a read counts once for an entry, in whichever version. Raises Unavailable
    while the index is not confirmed, or an agency that has entries is not known here yet.
    """
    index, now = here.in_force.index(), here.clock()
    policies = _policies(here.foundation.policies, {read.agency_id for read in reads} & set(index.agencies))
    matches = matching.find(reads, index, policies, now)
    better: list[PlateRead] = []
    if by_correction:
        matches = [replace(match, by_correction=True) for match in matches if match.kind != "look_alike"]
    else:
        matches = [match for match in matches if not here.heard.outdates(match.read)]
        last = matching.last_versions(reads)
        better = [read for read in last if read.version > 1 and not here.heard.outdates(read)]
    if not (matches or better):
        return
    async with here.db.tx() as tx:
        await storage.lock_entries(tx, {match.entry.id for match in matches})
        tally = await _count(tx, here, matches, policies, now)
        revised = await _revise(tx, here, better, now)
        tx.emit(*(hit.raised for hit in tally.raised), *revised)
    here.heard.hear(better, now)
    for hit in tally.raised:
        here.meter.count(HITS, kind=hit.raised.kind, late=str(hit.raised.late).lower())


async def _count(
    tx: Tx, here: HotlistRoom, matches: Sequence[Match], policies: Mapping[AgencyId, HotlistPolicy], now: datetime
) -> Tally:
    """What the matches come to, kept so; the rows of their entries are held."""
    said = await correction_storage.standing(tx, (match.read for match in matches))
    known_as = [domain.as_said(match, said.get(match.read.id)) for match in matches]
    counted = await hits.counted(tx, ((match.read.id, match.entry.id) for match in known_as))
    new = sightings.uncounted(known_as, counted, now)
    known = await correction_storage.beside_hits(tx, await hits.of_stretches(tx, sightings.stretches(new, policies)))
    tally = sightings.tally(new, known, policies, lambda match: _hit_id(here, match), now, counted)
    await hits.keep(tx, tally, now)
    return tally


async def _revise(tx: Tx, here: HotlistRoom, better: Sequence[PlateRead], now: datetime) -> Sequence[HitRaised]:
    """The hits that these versions of their reads make others, kept so; whether their entries are in force or not."""
    versions = {read.id: read for read in better}
    found = await correction_storage.beside_hits(tx, await hits.of_reads(tx, versions))
    policies = _policies(here.foundation.policies, {hit.raised.agency_id for hit in found})
    revised = []
    for hit in found:
        if (policy := policies.get(hit.raised.agency_id)) is None:
            continue
        read = versions[hit.raised.read.id]
        kind = matching.meets(read, hit.raised.entry, policy)
        if (told := domain.revised(hit.raised, read, kind, hit.said, now)) is not None:
            await hits.revise(tx, told)
            revised.append(told)
    return revised


async def as_told(tx: Tx, here: HotlistRoom, raised: HitRaised) -> CountedHit | None:
    """The hit as it stands when it is delivered, None when it is kept no more; `told_late`: no live alert (E2).

    One that was live and is not any more counts as told late from now on: when its vehicle is seen again, that is told,
    live. Raises Unavailable.
    """
    hit = await _found(tx, raised)
    if hit is None or hit.told_late or hit.raised.word[1] in ("partial", None) or hit.live(here.clock()):
        return hit
    hit = await _found(tx, raised, held=True)
    if hit is None or hit.live(here.clock()):
        return hit
    await hits.tell_late(tx, raised.id)
    return replace(hit, told_late=True)


async def _found(tx: Tx, raised: HitRaised, *, held: bool = False) -> CountedHit | None:
    hit = await hits.find(tx, raised.agency_id, raised.id, held=held)
    return None if hit is None else (await correction_storage.beside_hits(tx, [hit]))[0]


async def _own_hit(tx: Tx, by: Caller, hit_id: HitId) -> CountedHit:
    if (found := await hits.find(tx, by.agency_id, hit_id)) is None:
        raise NotFound("no such hit", code="hit_unknown")
    return (await correction_storage.beside_hits(tx, [found]))[0]


def _hit_id(here: HotlistRoom, match: Match) -> HitId:
    whose = ("corrected",) if match.by_correction else ()
    return HitId(here.foundation.ids.derive("hit", match.read.id, match.entry.id, *whose))


def _policies(policies: Policies, agencies: Iterable[AgencyId]) -> Mapping[AgencyId, HotlistPolicy]:
    """The policies of those agencies that are not closed.

    An agency with entries was known when they were made: if it is not now, its word is still on its way.
    """
    found: dict[AgencyId, HotlistPolicy] = {}
    for agency_id in agencies:
        try:
            if policies.agency(agency_id).mode != "closed":
                found[agency_id] = policies.of(agency_id).section(HotlistPolicy)
        except Refused as error:
            raise Unavailable(f"policy: {error.detail}") from error
    return found


async def _record_change(
    tx: Tx, here: HotlistRoom, by: Caller, entry: Entry, version: int, use: Use, place: Place
) -> None:
    query: dict[str, Any] = {"hotlist": entry.list_id, "plate": entry.plate, "state": entry.state}
    result = Result(count=1, ids=[entry.id])
    tx.emit(
        HotlistChanged(agency_id=entry.agency_id, list_id=entry.list_id, version=version),
        await here.recorder.plate_data(by, Action.HOTLIST_EDIT, use, query, result, place),
    )
