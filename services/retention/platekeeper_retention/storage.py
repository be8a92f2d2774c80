"""The table of reads and the statements over it. Every statement names the agency (H1)."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    column,
    exists,
    false,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from platekeeper_common.db import Tx
from platekeeper_common.events.ingest import ImageReference, Position
from platekeeper_common.events.recognition import Box, Candidate, Model, PlateRead
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Month
from platekeeper_common.schema import Moment, by_column
from platekeeper_retention import cells, partitions
from platekeeper_retention.domain import KeptRead

metadata = MetaData()

PlateText = String().with_variant(String(collation="C"), "postgresql")
"""Compared byte by byte, so that a prefix is a range of the index in every engine."""

plate_read = Table(
    "plate_read",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("camera_id", String, nullable=False),
    Column("device_id", String, nullable=False),
    Column("plate", PlateText, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("captured_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("live_until", Moment, nullable=False),
    Column("source", String, nullable=False),
    Column("model", JSON, nullable=False),
    Column("pass_id", String),
    Column("frames", Integer),
    Column("preview", Boolean, nullable=False, server_default=false()),
    Column("frame_id", String),
    Column("state", String),
    Column("candidates", JSON, nullable=False),
    Column("box", JSON(none_as_null=True)),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("heading", Float),
    Column("lane", String),
    Column("image", JSON(none_as_null=True)),
    Column("crop", JSON(none_as_null=True)),
    Column("retain_until", Moment, nullable=False),
    Column("retention_clause", String, nullable=False),
    Column("schedule_item", String, nullable=False),
    Column("policy_version", String, nullable=False),
    Column("cell", BigInteger),
    Column("country", String),
    Column("region_confidence", Float),
    Column("crop_box", JSON(none_as_null=True)),
    # Each also holds what a search asks before it looks at a read: the order of pages, plate and place.
    Index("plate_read_by_plate", "agency_id", "plate", "captured_at", "id"),
    Index("plate_read_by_time", "agency_id", "captured_at", "id", "plate", "cell"),
    Index("plate_read_by_cell", "agency_id", "cell", "captured_at", "id", "plate"),
)
_PLAIN: tuple[str, ...] = (
    "agency_id",
    "id",
    "version",
    "camera_id",
    "device_id",
    "plate",
    "confidence",
    "captured_at",
    "received_at",
    "live_until",
    "source",
    "pass_id",
    "frames",
    "preview",
    "frame_id",
    "state",
    "heading",
    "lane",
    "country",
    "region_confidence",
)
_KEPT = ("retain_until", "retention_clause", "schedule_item", "policy_version")
_WRITTEN = ("model", "candidates", "box", "image", "crop", "crop_box")
"""Columns of JSON."""
_PLACE = ("latitude", "longitude", "cell")
_COLUMNS = (*_PLAIN, *_KEPT, *_WRITTEN, *_PLACE)
_plain_of, _kept_of, _written_of = attrgetter(*_PLAIN), attrgetter(*_KEPT), attrgetter(*_WRITTEN)
# PostgreSQL's construct also compiles for SQLite; the other way round it does not.
STORE = insert(plate_read).on_conflict_do_nothing(index_elements=["agency_id", "id", "version"])
_COUNTED = select(func.count()).select_from(plate_read)
_newer = plate_read.alias("newer")
LAST = ~exists().where(
    _newer.c.agency_id == plate_read.c.agency_id,
    _newer.c.id == plate_read.c.id,
    _newer.c.version > plate_read.c.version,
)
"""The condition that a row is the read's last version."""

T = TypeVar("T")


async def store(tx: Tx, reads: Sequence[KeptRead]) -> int:
    """Store the reads whose version is not there yet; how many those were. Storing twice is the same as once."""
    if not reads:
        return 0
    if tx.database == "postgresql":
        return await partitions.copy(tx, plate_read, _COLUMNS, [_record(kept, _text) for kept in reads])
    rows = [dict(zip(_COLUMNS, _record(kept, msgspec.to_builtins), strict=True)) for kept in reads]
    return await tx.write(STORE, rows)


async def standing(tx: Tx, agency_id: AgencyId, read_ids: Collection[str], seconds: float) -> list[KeptRead]:
    """The reads of these ids in their last versions, in no order. Raises Busy `query_too_slow`."""
    return [_kept(row) for row in await tx.rows(last_versions(agency_id, read_ids), seconds=seconds)]


async def get(tx: Tx, agency_id: AgencyId, read_id: str) -> KeptRead | None:
    """The read in its last version; None when the agency has none of that id."""
    reads = plate_read.c
    wanted = select(plate_read).where(reads.agency_id == agency_id, reads.id == read_id)
    async with partitions.own_reads(tx, agency_id):
        row = await tx.row(wanted.order_by(reads.version.desc()).limit(1))
    return None if row is None else _kept(row)


async def versions(
    tx: Tx, agency_id: AgencyId, wanted: Collection[tuple[str, int]], seconds: float
) -> dict[tuple[str, int], KeptRead]:
    """Those of these versions of reads that are there, by id and version. Raises Busy `query_too_slow`."""
    reads, (ids, numbers) = plate_read.c, zip(*wanted, strict=True)
    # Two lists find their rows by the key; a list of pairs does not on every engine.
    found = select(plate_read).where(reads.agency_id == agency_id, reads.id.in_(ids), reads.version.in_(set(numbers)))
    kept = map(_kept, await tx.rows(found, seconds=seconds))
    return {key: one for one in kept if (key := (one.read.id, one.read.version)) in wanted}


async def first_received(tx: Tx, agency_id: AgencyId, read_id: str) -> datetime:
    """When the first version of a read that is there was received."""
    reads = plate_read.c
    wanted = select(reads.received_at).where(reads.agency_id == agency_id, reads.id == read_id)
    async with partitions.own_reads(tx, agency_id):
        row = await tx.row(wanted.order_by(reads.version).limit(1))
    assert row is not None  # noqa: S101 - asked of a read that was found
    received_at: datetime = row.received_at
    return received_at


async def count(tx: Tx) -> int:
    """How many versions of reads are stored, of all agencies; about as many, on PostgreSQL, where they are many."""
    counted = select(func.reads_stored()) if tx.database == "postgresql" else _COUNTED
    return await tx.number(counted)


async def received_in(tx: Tx, agency_id: AgencyId, month: Month, seconds: float) -> int:
    """How many reads of the agency were received in the month; on PostgreSQL one partition is counted. Raises Busy.

    A read may lack its first version, when something better was published before it; one received at the turn of the
    month in two versions is of both months.
    """
    reads = plate_read.c
    counted = select(func.count(reads.id.distinct())).where(reads.agency_id == agency_id)
    if tx.database == "postgresql":
        within = column("received_month", Date) == month.start.date()
    else:
        within = (reads.received_at >= month.start) & (reads.received_at < month.end)
    rows = await tx.rows(counted.where(within), seconds=seconds)
    return int(rows[0][0])


def last_versions(agency_id: AgencyId, read_ids: Collection[str]) -> Select[Any]:
    """The select of reads as their last versions say."""
    reads = plate_read.c
    return select(plate_read).where(reads.agency_id == agency_id, reads.id.in_(read_ids), LAST)


def _record(kept: KeptRead, written: Callable[[Any], Any]) -> partitions.Record:
    """The columns of a read; `written` makes the value of a JSON column."""
    read = kept.read
    position = read.position
    place = (position.latitude, position.longitude, _cell(position)) if position else (None, None, None)
    return (*_plain_of(read), *_kept_of(kept), *map(written, _written_of(read)), *place)


_cell = lru_cache(maxsize=10_000)(cells.cell)
"""Most cameras stand still."""


def _text(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _kept(row: Row[Any]) -> KeptRead:
    values = by_column(row)
    return KeptRead(
        read=PlateRead(
            **{name: values[name] for name in _PLAIN},
            model=msgspec.convert(row.model, Model),
            candidates=msgspec.convert(row.candidates, tuple[Candidate, ...]),
            box=_optional(row.box, Box),
            position=None if row.latitude is None else Position(row.latitude, row.longitude),
            image=_optional(row.image, ImageReference),
            crop=_optional(row.crop, ImageReference),
            crop_box=_optional(row.crop_box, Box),
        ),
        **{name: values[name] for name in _KEPT},
    )


def _optional(value: Any, of: type[T]) -> T | None:
    return None if value is None else msgspec.convert(value, of)
