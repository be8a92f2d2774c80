"""How a search finds its reads: an index proposes, the rule of the query decides.

A search goes the way that leaves the fewest reads to look at: by plate, by cell or by time. Each way's index also holds
the order of the pages, so keys (moment and id) are taken from it newest first, some at a time, and only the reads that
they name are fetched, in their last versions. The statements mean the same on every engine.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    String,
    column,
    func,
    literal,
    or_,
    select,
    tuple_,
    values,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from platekeeper_common.db import Name, Tx
from platekeeper_common.errors import Busy
from platekeeper_common.ids import AgencyId
from platekeeper_common.patterns import Pattern
from platekeeper_common.schema import Moment
from platekeeper_retention import cells, correction_storage, partitions, storage
from platekeeper_retention.cells import Span
from platekeeper_retention.correction_storage import correction
from platekeeper_retention.domain import KeptRead, Query
from platekeeper_retention.paging import Cursor
from platekeeper_retention.storage import plate_read

PIECE = 3
"""Characters side by side that the index of pieces is made of."""
MANY = 50_000
"""Reads counted on each way before one is chosen, and looked at before an area that has few of late goes by cell."""
KEYS_AT_MOST = 4_000
"""Keys in memory at a time."""
READS_AT_ONCE = 250
"""Reads fetched and judged at a time."""


Key = tuple[datetime, str]
"""When a read was captured, and its id: the order of pages."""


class Way(Enum):
    """The index that a search goes by."""

    PLATE = auto()
    CELL = auto()
    TIME = auto()
    PIECE = auto()
    """By three known characters side by side, wherever they stand: an index that PostgreSQL has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of an agency, the cells that its area covers, and the database that is asked."""

    agency_id: AgencyId
    query: Query
    spans: Sequence[Span]
    database: Name = "sqlite"


class _Unsought(FunctionElement[Any]):
    """A moment that is compared and sorted by, and never looked for in an index."""

    type = Moment()
    inherit_cache = True


@compiles(_Unsought)
def _plain(element: _Unsought, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Unsought, "postgresql")
def _with_nothing(element: _Unsought, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} + interval '0')"


@compiles(_Unsought, "sqlite")
def _with_plus(element: _Unsought, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


async def find(
    tx: Tx, agency_id: AgencyId, query: Query, after: Cursor | None, limit: int, seconds: float, *, many: int = MANY
) -> list[KeptRead]:
    """Up to `limit` reads that answer the query, newest first, from behind `after`.

    A read is found by what its last version says, and by the last correction of it. `many` decides about the way, never
    about the answer. Raises Busy `query_too_slow` after `seconds`.
    """
    asked = Asked(agency_id, query, cells.cover(query.area) if query.area else (), tx.database)
    deadline = time.monotonic() + seconds
    async with partitions.own_reads(tx, agency_id):
        found = await _find(tx, asked, after, limit, deadline, many)
        found = await correction_storage.with_corrections(tx, agency_id, found)
        if query.plate is None and query.pattern is None:
            return found
        corrected = await _find_corrected(tx, asked, after, limit, deadline)
        whole = {kept.read.id: kept for kept in (*corrected, *found)}
        return sorted(whole.values(), key=_place, reverse=True)[:limit]


async def _find(tx: Tx, asked: Asked, after: Cursor | None, limit: int, deadline: float, many: int) -> list[KeptRead]:
    way = await _shortest(tx, asked, many, deadline)
    behind = None if after is None else (after.captured_at, after.read_id)
    found: list[KeptRead] = []
    wanted, looked_at = limit, 0
    while len(found) < limit:
        rows = await tx.rows(keys(asked, way, behind, wanted), seconds=left(deadline))
        found += await _answers(tx, asked, _keys(asked, way, rows), limit - len(found), deadline)
        if len(rows) < wanted:
            break
        behind, wanted = _key(rows[-1]), min(4 * wanted, KEYS_AT_MOST)
        looked_at += len(rows)
        if asked.query.area is not None and looked_at >= many:
            way = Way.CELL
    return found[:limit]


async def _find_corrected(tx: Tx, asked: Asked, after: Cursor | None, limit: int, deadline: float) -> list[KeptRead]:
    """Up to `limit` reads that answer the query as they were corrected, newest first."""
    behind = None if after is None else (after.captured_at, after.read_id)
    found: list[KeptRead] = []
    while len(found) < limit:
        rows = await tx.rows(corrected_keys(asked, behind, limit), seconds=left(deadline))
        fetched = await storage.standing(tx, asked.agency_id, {row.id for row in rows}, left(deadline))
        found += [
            replace(kept, found_by_correction=not asked.query.answers(kept.read))
            for kept in await correction_storage.with_corrections(tx, asked.agency_id, fetched)
            if (read := kept.as_corrected) is not None and asked.query.answers(read)
        ]
        if len(rows) < limit:
            break
        behind = _key(rows[-1])
    return sorted(found, key=_place, reverse=True)[:limit]


def _place(kept: KeptRead) -> Key:
    return kept.read.captured_at, kept.read.id


def _keys(asked: Asked, way: Way, rows: Sequence[Row[Any]]) -> list[Key]:
    """The keys that may lie in the area, each once.

    Versions of a read may share one, so the last key stays: of another version it may be the next row, in the area.
    """
    if way is Way.TIME and asked.query.area is not None:
        rows = [*(row for row in rows if cells.among(asked.spans, row.cell)), *rows[-1:]]
    return list(dict.fromkeys(map(_key, rows)))


def _key(row: Row[Any]) -> Key:
    return row.captured_at, row.id


async def _answers(tx: Tx, asked: Asked, keys: Sequence[Key], enough: int, deadline: float) -> list[KeptRead]:
    """The reads of the keys that answer the query, in the order of the keys; `enough` of them, or a few more."""
    found: list[KeptRead] = []
    for start in range(0, len(keys), READS_AT_ONCE):
        some = keys[start : start + READS_AT_ONCE]
        fetched = await storage.standing(tx, asked.agency_id, {read_id for _, read_id in some}, left(deadline))
        # A version of another moment stands under a key of its own.
        by_key = {(kept.read.captured_at, kept.read.id): kept for kept in fetched if asked.query.answers(kept.read)}
        found += [by_key[key] for key in some if key in by_key]
        if len(found) >= enough:
            break
    return found


async def _shortest(tx: Tx, asked: Asked, many: int, deadline: float) -> Way:
    """The way with the fewest reads. Where all have many it is by time, the order of pages, which ends with one."""
    chosen, *others = ways(asked.query, asked.database)
    if not others:
        return chosen
    fewest = await _count(tx, asked, chosen, many, deadline)
    for way in others:
        if fewest and (counted := await _count(tx, asked, way, fewest, deadline)) < fewest:
            chosen, fewest = way, counted
    return Way.TIME if fewest == many else chosen


async def _count(tx: Tx, asked: Asked, way: Way, at_most: int, deadline: float) -> int:
    some = to_look_at(asked, way).limit(at_most).subquery()
    (row,) = await tx.rows(select(func.count()).select_from(some), seconds=left(deadline))
    return int(row[0])


def left(deadline: float) -> float:
    """Seconds until the deadline. Raises Busy `query_too_slow` when there are none."""
    if (seconds := deadline - time.monotonic()) <= 0:
        raise Busy("the question takes too long to answer; narrow it", code="query_too_slow")
    return seconds


def ways(query: Query, database: Name = "sqlite") -> list[Way]:
    """The ways that the query can go in that database."""
    if query.plate is not None:
        return [Way.PLATE]
    by_plate = [Way.PLATE] if query.pattern is not None and query.pattern.beginning else []
    pieces = database == "postgresql" and query.pattern is not None and query.pattern.longest_run >= PIECE
    by_piece = [Way.PIECE] if pieces else []
    by_cell = [Way.CELL] if query.area is not None else []
    return [*by_plate, *by_piece, *by_cell, Way.TIME]


def keys(asked: Asked, way: Way, behind: Key | None, limit: int) -> Select[Any]:
    """The select of the keys, newest first, of versions that may answer the query."""
    reads, query = plate_read.c, asked.query
    in_order = way is Way.TIME or (way is Way.PLATE and query.plate is not None)
    captured_at = reads.captured_at if in_order else _Unsought(reads.captured_at)
    found = to_look_at(asked, way, behind)
    if way is not Way.TIME:
        found = found.where(*_moments(captured_at, query, behind))
    if query.plate is not None:
        found = found.where(reads.plate == query.plate)
    if query.pattern is not None:
        found = found.where(reads.plate.like(_like(query.pattern)))
    if query.cameras:
        found = found.where(reads.camera_id.in_(query.cameras))
    return found.order_by(captured_at.desc(), reads.id.desc()).limit(limit)


def corrected_keys(asked: Asked, behind: Key | None, limit: int) -> Select[Any]:
    """The select of the keys, newest first, of reads whose last correction says what the query asks for.

    Corrections are few: they are taken first, whatever the reads' own indexes would promise.
    """
    reads, query = plate_read.c, asked.query
    captured_at = _Unsought(reads.captured_at)
    same = (reads.agency_id == correction.c.agency_id) & (reads.id == correction.c.read_id)
    found = correction_storage.standing(asked.agency_id, reads.captured_at, reads.id).join_from(
        correction, plate_read, same
    )
    found = found.where(storage.LAST, *_moments(captured_at, query, behind))
    if query.plate is not None:
        found = found.where(correction.c.plate == query.plate)
    if query.pattern is not None:
        found = found.where(correction.c.plate.like(_like(query.pattern)))
    if query.cameras:
        found = found.where(reads.camera_id.in_(query.cameras))
    return found.order_by(captured_at.desc(), reads.id.desc()).limit(limit)


def to_look_at(asked: Asked, way: Way, behind: Key | None = None) -> Select[Any]:
    """The select of the keys in that part of the way's index which the query leaves; by time with their cells."""
    reads, query = plate_read.c, asked.query
    found = select(reads.captured_at, reads.id).where(reads.agency_id == asked.agency_id)
    if way is Way.CELL and asked.database == "postgresql":
        # A join with the ranges would be planned without knowing them.
        return found.where(or_(*(reads.cell.between(*span) for span in asked.spans)))
    if way is Way.CELL:
        span = _table(asked.spans)
        return found.where(reads.cell >= span.c.first, reads.cell <= span.c.last)
    if way is Way.PLATE and query.plate is not None:
        return found.where(reads.plate == query.plate)
    if way is Way.PIECE and query.pattern is not None:
        return found.where(reads.plate.like(_like(query.pattern)))
    if way is Way.PLATE and query.pattern is not None:
        return found.where(reads.plate >= query.pattern.beginning, reads.plate < _behind(query.pattern.beginning))
    return found.add_columns(reads.cell).where(*_moments(reads.captured_at, query, behind))


def _moments(captured_at: ColumnElement[Any], query: Query, behind: Key | None) -> list[ColumnElement[bool]]:
    """What a key must fulfil to lie in the window and behind the last one, which lay in the window."""
    demands = [] if query.captured_from is None else [captured_at >= query.captured_from]
    if behind is not None:
        last = tuple_(literal(behind[0], Moment), literal(behind[1], String))
        return [*demands, tuple_(captured_at, plate_read.c.id) < last]
    return demands if query.captured_to is None else [*demands, captured_at < query.captured_to]


def _table(spans: Sequence[Span]) -> Any:
    ends = values(column("first", BigInteger), column("last", BigInteger), name="span")
    return ends.data(list(spans)).cte("span")


def _like(pattern: Pattern) -> str:
    """For LIKE: plates and patterns hold none of its signs."""
    return pattern.text.replace("?", "_").replace("*", "%")


def _behind(beginning: str) -> str:
    """The first text, in byte order, behind all that begin so (A-Z 0-9)."""
    return beginning[:-1] + chr(ord(beginning[-1]) + 1)
