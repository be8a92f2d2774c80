"""The tables of what officers said of reads, and whose pictures they opened. Every statement names the agency (H1).

What they said is plate data: on PostgreSQL it lies, as reads do, in partitions of agency and month of receipt behind
the agency's own role, and is dropped with them (ADR 0039).
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Date, Index, Integer, Row, Select, String, Table, exists, select
from sqlalchemy.dialects.postgresql import insert

from platekeeper_common.db import Tx
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column
from platekeeper_retention import partitions, storage
from platekeeper_retention.corrected import Correction
from platekeeper_retention.domain import KeptRead
from platekeeper_retention.storage import PlateText, metadata

correction = Table(
    "correction",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("read_id", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("received_month", Date, primary_key=True),
    Column("id", String, nullable=False),
    Column("read_version", Integer, nullable=False),
    Column("was", PlateText, nullable=False),
    Column("verdict", String, nullable=False),
    Column("plate", PlateText),
    Column("state", String),
    Column("made_by", String, nullable=False),
    Column("made_by_name", String, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("camera_id", String, nullable=False),
    Column("captured_at", Moment, nullable=False),
    Column("model_name", String, nullable=False),
    Column("model_version", String, nullable=False),
    Index("correction_by_plate", "agency_id", "plate", "read_id"),
    Index("correction_by_time", "agency_id", "captured_at"),
    Index("correction_by_making", "agency_id", "made_at"),
)
look = Table(
    "look",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("read_id", String, primary_key=True),
    Column("received_month", Date, primary_key=True),
    Column("looked_at", Moment, nullable=False),
    Column("camera_id", String, nullable=False),
    Column("captured_at", Moment, nullable=False),
    Column("model_name", String, nullable=False),
    Column("model_version", String, nullable=False),
    Index("look_by_time", "agency_id", "captured_at"),
)
_SAID = Correction.__struct_fields__
_later = correction.alias("later")
STANDS = ~exists().where(
    _later.c.agency_id == correction.c.agency_id,
    _later.c.read_id == correction.c.read_id,
    _later.c.number > correction.c.number,
)
"""The condition that nothing later was said of the read."""


async def month_of(tx: Tx, read: PlateRead) -> date:
    """Where what is said of a read and who looked at it is filed, in whatever version: its first one's month."""
    return partitions.month_of(await storage.first_received(tx, read.agency_id, read.id))


async def add(tx: Tx, read: PlateRead, month: date, made: Correction) -> None:
    """Keep what was said. The month's room must be there, and the caller hold the lock of the read's corrections."""
    values = msgspec.structs.asdict(made) | _eye(read)
    await tx.write(correction.insert().values(**values, **_key(read, month)))


async def looked_at(tx: Tx, read: PlateRead, month: date, now: datetime) -> bool:
    """Keep that a person looked at the read's picture; whether it is the first look. The month's room must be there.

    One look a read is kept, at the version that was looked at first.
    """
    first = insert(look).values(**_key(read, month), **_eye(read), looked_at=now)
    return await tx.write(first.on_conflict_do_nothing(index_elements=["agency_id", "read_id", "received_month"])) > 0


async def move_look(tx: Tx, read: PlateRead, month: date) -> None:
    """The read's look is one at this version: the corrected one counts among those that were looked at."""
    same = [look.c[name] == value for name, value in _key(read, month).items()]
    await tx.write(look.update().where(*same).values(**_eye(read)))


async def of_reads(tx: Tx, agency_id: AgencyId, read_ids: Collection[str]) -> dict[str, tuple[Correction, ...]]:
    """What was said of these reads, by read, first to last. To be asked as the agency's own role."""
    if not read_ids:
        return {}
    wanted = select(correction).where(correction.c.agency_id == agency_id, correction.c.read_id.in_(read_ids))
    found: dict[str, tuple[Correction, ...]] = {}
    for row in await tx.rows(wanted.order_by(correction.c.read_id, correction.c.number)):
        found[row.read_id] = (*found.get(row.read_id, ()), correction_in(row))
    return found


async def with_corrections(tx: Tx, agency_id: AgencyId, reads: Sequence[KeptRead]) -> list[KeptRead]:
    """The reads with what was said of them. To be asked as the agency's own role."""
    found = await of_reads(tx, agency_id, {kept.read.id for kept in reads})
    return [
        msgspec.structs.replace(kept, corrections=said) if (said := found.get(kept.read.id)) else kept for kept in reads
    ]


async def of_read(tx: Tx, agency_id: AgencyId, read_id: str) -> tuple[Correction, ...]:
    """What was said of one read, first to last."""
    async with partitions.own_reads(tx, agency_id):
        return (await of_reads(tx, agency_id, [read_id])).get(read_id, ())


def standing(agency_id: AgencyId, *columns: Any) -> Select[Any]:
    """The select of the agency's corrections that stand."""
    return select(*(columns or (correction,))).where(correction.c.agency_id == agency_id, STANDS)


def correction_in(row: Row[Any]) -> Correction:
    """The correction in a row that holds its columns."""
    values = by_column(row)
    return Correction(**{name: values[name] for name in _SAID})


def _key(read: PlateRead, month: date) -> dict[str, Any]:
    return {"agency_id": read.agency_id, "read_id": read.id, "received_month": month}


def _eye(read: PlateRead) -> dict[str, Any]:
    return {
        "camera_id": read.camera_id,
        "captured_at": read.captured_at,
        "model_name": read.model.name,
        "model_version": read.model.version,
    }
