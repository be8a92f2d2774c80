"""The tables of hits and of their sightings. Every query of a caller names the caller's agency.

A read counts once for an entry as the camera read it, and once on an officer's word: that is the sighting's key. A
hit's own numbers are those of its sightings and are written with them; whoever changes them holds the rows of the
entries (`storage.lock_entries`) or the hit's own and reads afterwards, on PostgreSQL at READ COMMITTED.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    update,
)

from platekeeper_common.db import Tx
from platekeeper_common.errors import Invalid
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import AgencyId, CameraId, EntryId, HitId, ReadId
from platekeeper_common.periods import Month
from platekeeper_common.schema import Moment
from platekeeper_hotlist import sightings
from platekeeper_hotlist.sightings import CountedHit, KeptSighting, Pair, Sighting, Stretch
from platekeeper_hotlist.storage import in_parts, metadata

hit = Table(
    "hit",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("read_id", String, nullable=False),
    Column("entry_id", String, nullable=False),
    Column("vehicle", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("sightings", Integer, nullable=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("last_camera_id", String, nullable=False),
    Column("last_latitude", Float),
    Column("last_longitude", Float),
    Column("last_live_at", Moment, nullable=False),
    Column("live_until", Moment, nullable=False),
    Column("told_late", Boolean, nullable=False),
    Index("hit_raised", "agency_id", "raised_at", "id"),
    Index("hit_read", "read_id"),
    Index("hit_kind", "kind", "late", "sightings"),
    Index("hit_vehicle", "entry_id", "vehicle", "last_seen_at"),
)
sighting = Table(
    "sighting",
    metadata,
    Column("read_id", String, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("by_correction", Boolean, primary_key=True, server_default=false()),
    Column("hit_id", String, ForeignKey("hit.id"), nullable=False),
    Column("agency_id", String, nullable=False),
    Column("plate", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("camera_id", String, nullable=False),
    Column("captured_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("counted_at", Moment, nullable=False),
    Index("sighting_hit", "hit_id", "captured_at", "read_id"),
)
_NUMBERS = (
    "sightings",
    "first_seen_at",
    "last_seen_at",
    "last_camera_id",
    "last_latitude",
    "last_longitude",
    "last_live_at",
    "live_until",
)
_SEEN_AGAIN = (
    update(hit)
    .where(hit.c.id == bindparam("of_hit"))
    .values({hit.c[name]: bindparam(f"new_{name}") for name in _NUMBERS})
)
_hits = msgspec.json.Decoder(HitRaised)


async def counted(tx: Tx, pairs: Iterable[Pair]) -> dict[Pair, HitId | None]:
    """Those of the pairs that are counted already: None as the camera read it, or to which hit on an officer's word."""
    wanted = set(pairs)
    found: dict[Pair, HitId | None] = {}
    key = sighting.c.read_id, sighting.c.entry_id, sighting.c.by_correction
    for some in in_parts(sorted({read_id for read_id, _ in wanted})):
        asked = select(*key, sighting.c.hit_id).where(sighting.c.read_id.in_(some))
        for row in await tx.rows(asked.order_by(sighting.c.by_correction.desc())):
            found[ReadId(row.read_id), EntryId(row.entry_id)] = HitId(row.hit_id) if row.by_correction else None
    return {pair: by for pair, by in found.items() if pair in wanted}


async def of_stretches(tx: Tx, asked: Sequence[Stretch]) -> list[CountedHit]:
    """The hits of the vehicles in those stretches of time, held until the commit."""
    found: dict[str, CountedHit] = {}
    for some in in_parts(asked, 100):
        seen = or_(
            *(
                and_(
                    hit.c.entry_id == one.entry_id,
                    hit.c.vehicle == one.vehicle,
                    hit.c.last_seen_at >= one.since,
                    hit.c.first_seen_at <= one.until,
                )
                for one in some
            )
        )
        found.update((row.id, _counted_hit(row)) for row in await tx.hold(_held(select(hit).where(seen))))
    return list(found.values())


async def of_reads(tx: Tx, read_ids: Iterable[ReadId]) -> list[CountedHit]:
    """The hits that these reads raised, held until the commit."""
    found: list[CountedHit] = []
    for some in in_parts(sorted(set(read_ids))):
        found += [_counted_hit(row) for row in await tx.hold(_held(select(hit).where(hit.c.read_id.in_(some))))]
    return found


async def revise(tx: Tx, revised: HitRaised) -> None:
    """Keep what a better version of its read says."""
    await tx.write(update(hit).where(hit.c.id == revised.id).values(data=msgspec.json.encode(revised)))


async def keep(tx: Tx, tally: sightings.Tally, now: datetime) -> None:
    """Keep what a batch of matches came to. Raises IntegrityError when a read of it is counted already."""
    if tally.raised:
        await tx.write(hit.insert(), [_hit_values(raised) for raised in tally.raised])
    if tally.seen_again:
        await tx.write(_SEEN_AGAIN, [_numbers_of(seen) for seen in tally.seen_again])
    if tally.sightings:
        await tx.write(sighting.insert(), [_sighting_values(one, now) for one in tally.sightings])


async def newest(tx: Tx, agency_id: AgencyId, cursor: str | None, limit: int) -> list[CountedHit]:
    """The agency's hits, newest first, behind the hit `cursor`. Raises Invalid `cursor_invalid`."""
    wanted = select(hit).where(hit.c.agency_id == agency_id)
    if cursor is not None:
        place = await tx.row(select(hit.c.raised_at, hit.c.id).where(hit.c.agency_id == agency_id, hit.c.id == cursor))
        if place is None:
            raise Invalid("the cursor is not one that a page of hits gave", code="cursor_invalid")
        older = hit.c.raised_at < place.raised_at
        wanted = wanted.where(or_(older, (hit.c.raised_at == place.raised_at) & (hit.c.id < place.id)))
    rows = await tx.rows(wanted.order_by(hit.c.raised_at.desc(), hit.c.id.desc()).limit(limit))
    return [_counted_hit(row) for row in rows]


async def find(tx: Tx, agency_id: AgencyId, hit_id: HitId, *, held: bool = False) -> CountedHit | None:
    """One hit of the agency, `held` until the commit if so asked."""
    wanted = select(hit).where(hit.c.agency_id == agency_id, hit.c.id == hit_id)
    rows = await tx.hold(_held(wanted)) if held else await tx.rows(wanted)
    return _counted_hit(rows[0]) if rows else None


async def tell_late(tx: Tx, hit_id: HitId) -> None:
    """Keep that the hit was told as late, so that no live read is counted to it any more."""
    await tx.write(update(hit).where(hit.c.id == hit_id).values(told_late=True))


async def sightings_of(tx: Tx, hit_id: HitId, cursor: str | None, limit: int) -> list[KeptSighting]:
    """The hit's sightings, last captured first, behind that of the read `cursor`. Raises Invalid `cursor_invalid`."""
    wanted = select(sighting).where(sighting.c.hit_id == hit_id)
    if cursor is not None:
        behind = select(sighting.c.captured_at, sighting.c.read_id)
        place = await tx.row(behind.where(sighting.c.hit_id == hit_id, sighting.c.read_id == cursor))
        if place is None:
            raise Invalid("the cursor is not one that a page of sightings gave", code="cursor_invalid")
        same = (sighting.c.captured_at == place.captured_at) & (sighting.c.read_id < place.read_id)
        wanted = wanted.where(or_(sighting.c.captured_at < place.captured_at, same))
    rows = await tx.rows(wanted.order_by(sighting.c.captured_at.desc(), sighting.c.read_id.desc()).limit(limit))
    return [_kept_sighting(row) for row in rows]


async def raised_in(tx: Tx, agency_id: AgencyId, month: Month) -> int:
    """How many hits of the agency were raised in the month."""
    own = (hit.c.agency_id == agency_id) & (hit.c.raised_at >= month.start) & (hit.c.raised_at < month.end)
    return await tx.number(select(func.count()).select_from(hit).where(own))


async def counts(tx: Tx) -> dict[str, int]:
    """Hits by kind, how many of them were raised late, and the reads that were counted to them all."""
    numbers = func.count().label("hits"), func.sum(hit.c.sightings).label("seen")
    raised = await tx.rows(select(hit.c.kind, hit.c.late, *numbers).group_by(hit.c.kind, hit.c.late))
    return {
        "exact_hits": sum(row.hits for row in raised if row.kind == "exact"),
        "look_alike_hits": sum(row.hits for row in raised if row.kind == "look_alike"),
        "partial_hits": sum(row.hits for row in raised if row.kind == "partial"),
        "late_hits": sum(row.hits for row in raised if row.late),
        "sightings": sum(int(row.seen) for row in raised),
    }


def _held(wanted: Select[Any]) -> Select[Any]:
    # PostgreSQL locks the rows in this order; SQLite has locked all of its file and leaves the words out.
    return wanted.order_by(hit.c.id).with_for_update(key_share=True)


def _counted_hit(row: Row[Any]) -> CountedHit:
    return CountedHit(
        raised=_hits.decode(row.data),
        sightings=row.sightings,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        last_camera_id=CameraId(row.last_camera_id),
        last_position=_position(row.last_latitude, row.last_longitude),
        last_live_at=row.last_live_at,
        live_until=row.live_until,
        told_late=row.told_late,
    )


def _kept_sighting(row: Row[Any]) -> KeptSighting:
    return KeptSighting(
        read_id=ReadId(row.read_id),
        plate=row.plate,
        kind=row.kind,
        score=row.score,
        late=row.late,
        camera_id=CameraId(row.camera_id),
        captured_at=row.captured_at,
        received_at=row.received_at,
        position=_position(row.latitude, row.longitude),
        counted_at=row.counted_at,
    )


def _position(latitude: float | None, longitude: float | None) -> Position | None:
    return None if latitude is None or longitude is None else Position(latitude, longitude)


def _hit_values(of: CountedHit) -> dict[str, Any]:
    raised = of.raised
    return {
        "id": raised.id,
        "agency_id": raised.agency_id,
        "read_id": raised.read.id,
        "entry_id": raised.entry.id,
        "vehicle": sightings.vehicle(raised),
        "kind": raised.kind,
        "score": raised.score,
        "late": raised.late,
        "raised_at": raised.raised_at,
        "data": msgspec.json.encode(raised),
        "told_late": of.told_late,
        **_numbers(of),
    }


def _numbers(of: CountedHit) -> dict[str, Any]:
    place = of.last_position
    return {
        "sightings": of.sightings,
        "first_seen_at": of.first_seen_at,
        "last_seen_at": of.last_seen_at,
        "last_camera_id": of.last_camera_id,
        "last_latitude": place.latitude if place else None,
        "last_longitude": place.longitude if place else None,
        "last_live_at": of.last_live_at,
        "live_until": of.live_until,
    }


def _numbers_of(seen: CountedHit) -> dict[str, Any]:
    return {"of_hit": seen.raised.id} | {f"new_{name}": value for name, value in _numbers(seen).items()}


def _sighting_values(of: Sighting, now: datetime) -> dict[str, Any]:
    read = of.match.read
    return {
        "read_id": read.id,
        "entry_id": of.match.entry.id,
        "by_correction": of.match.by_correction,
        "hit_id": of.hit_id,
        "agency_id": read.agency_id,
        "plate": read.plate,
        "kind": of.match.kind,
        "score": of.match.score,
        "late": of.late,
        "camera_id": read.camera_id,
        "captured_at": read.captured_at,
        "received_at": read.received_at,
        "latitude": read.position.latitude if read.position else None,
        "longitude": read.position.longitude if read.position else None,
        "counted_at": now,
    }
