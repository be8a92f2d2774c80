"""The table of passes. A row says what was seen and told of one vehicle, and is deleted soon after it has gone."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table, and_, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId, CameraId, ReadId
from platekeeper_common.schema import Moment
from platekeeper_recognition.passes import Pass

metadata = MetaData()

open_pass = Table(
    "open_pass",
    metadata,
    Column("read_id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("camera_id", String, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("counted_at", Moment, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("open_pass_of_camera", "agency_id", "camera_id", "last_at"),
    Index("open_pass_counted", "counted_at"),
)
_passes = msgspec.json.Decoder(Pass)
Stretch = tuple[AgencyId, CameraId, datetime, datetime]
"""A camera, and from when until when one of its passes must reach to be asked for."""
Revisions = dict[ReadId, int]
"""How often each pass was written when it was read."""


async def passes(tx: Tx, stretches: Iterable[Stretch]) -> tuple[list[Pass], Revisions]:
    """The passes that reach into one of the stretches."""
    columns = open_pass.c
    reaching = [
        and_(
            columns.agency_id == agency_id,
            columns.camera_id == camera_id,
            columns.last_at >= since,
            columns.first_at <= until,
        )
        for agency_id, camera_id, since, until in stretches
    ]
    rows = await tx.rows(select(columns.data, columns.read_id, columns.revision).where(or_(*reaching)))
    return [_passes.decode(row.data) for row in rows], {ReadId(row.read_id): row.revision for row in rows}


async def keep_passes(tx: Tx, changed: Sequence[Pass], seen: Revisions, now: datetime) -> Revisions:
    """Write the passes; their revisions from then on.

    Raises Unavailable when another process has written one of them since it was read.
    """
    new = [_values(one, 1, now) for one in changed if one.read_id not in seen]
    try:
        if new:
            await tx.write(open_pass.insert(), new)
    except IntegrityError as error:
        raise Unavailable("another process has begun the same pass") from error
    for one in changed:
        if (revision := seen.get(one.read_id)) is not None:
            own = (open_pass.c.read_id == one.read_id) & (open_pass.c.revision == revision)
            if not await tx.write(update(open_pass).where(own).values(_values(one, revision + 1, now))):
                raise Unavailable("another process has counted to the same pass")
    return {one.read_id: seen.get(one.read_id, 0) + 1 for one in changed}


async def forget_passes(tx: Tx, before: datetime) -> int:
    """Delete the passes to which nothing was counted since then; how many those were."""
    return await tx.write(delete(open_pass).where(open_pass.c.counted_at < before))


def _values(one: Pass, revision: int, now: datetime) -> dict[str, Any]:
    return {
        "read_id": one.read_id,
        "agency_id": one.agency_id,
        "camera_id": one.camera_id,
        "first_at": one.first_at,
        "last_at": one.last_at,
        "counted_at": now,
        "revision": revision,
        "data": msgspec.json.encode(one),
    }
