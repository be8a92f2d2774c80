"""What is counted of reads, looks and corrections, and which corrections are given away; of the agency alone (H1)."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_retention import correction_storage, finding, partitions, storage
from platekeeper_retention.correction_storage import STANDS, correction, look
from platekeeper_retention.corrections.domain import Day, Eye, Tally, Window
from platekeeper_retention.domain import KeptRead
from platekeeper_retention.storage import LAST, plate_read

AT_ONCE = 250
"""Reads fetched at a time."""


async def tallies(tx: Tx, agency_id: AgencyId, days: Sequence[Day], seconds: float) -> dict[Eye, dict[Day, Tally]]:
    """What each camera and model read on each day that has reads, by capture. Raises Busy `query_too_slow`."""
    deadline = time.monotonic() + seconds
    found: dict[Eye, dict[Day, Tally]] = {}
    async with partitions.own_reads(tx, agency_id):
        for day in days:
            for eye, tally in (await _of_day(tx, agency_id, day, deadline)).items():
                found.setdefault(eye, {})[day] = tally
    return found


async def to_give(tx: Tx, agency_id: AgencyId, made: Window, at_most: int, seconds: float) -> list[KeptRead]:
    """Up to `at_most` reads with a correction that stands and was made in the window, in the order of the corrections.

    Raises Busy `query_too_slow`.
    """
    deadline = time.monotonic() + seconds
    wanted = correction_storage.standing(agency_id, correction.c.read_id)
    if made.start is not None:
        wanted = wanted.where(correction.c.made_at >= made.start)
    if made.end is not None:
        wanted = wanted.where(correction.c.made_at < made.end)
    wanted = wanted.order_by(correction.c.made_at, correction.c.read_id).limit(at_most)
    found: list[KeptRead] = []
    async with partitions.own_reads(tx, agency_id):
        ids = [row.read_id for row in await tx.rows(wanted, seconds=finding.left(deadline))]
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            reads = await storage.standing(tx, agency_id, some, finding.left(deadline))
            reads = await correction_storage.with_corrections(tx, agency_id, reads)
            by_id = {kept.read.id: kept for kept in reads}
            found += [by_id[read_id] for read_id in some if read_id in by_id]
    return found


async def _of_day(tx: Tx, agency_id: AgencyId, day: Day, deadline: float) -> dict[Eye, Tally]:
    reads = plate_read.c
    name, version = reads.model["name"].as_string(), reads.model["version"].as_string()
    number = func.count().label("number")
    own = _on(day, agency_id, reads.agency_id, reads.captured_at)
    eyes = reads.camera_id, name.label("model_name"), version.label("model_version")
    statement = select(*eyes, number).where(own, LAST)
    rows = await tx.rows(statement.group_by(reads.camera_id, name, version), seconds=finding.left(deadline))
    read = {_eye(row): row.number for row in rows}

    eye = look.c.camera_id, look.c.model_name, look.c.model_version
    own = _on(day, agency_id, look.c.agency_id, look.c.captured_at)
    rows = await tx.rows(select(*eye, number).where(own).group_by(*eye), seconds=finding.left(deadline))
    looked_at = {_eye(row): row.number for row in rows}

    eye = correction.c.camera_id, correction.c.model_name, correction.c.model_version
    own = _on(day, agency_id, correction.c.agency_id, correction.c.captured_at)
    statement = select(*eye, correction.c.verdict, number).where(own, STANDS).group_by(*eye, correction.c.verdict)
    said: dict[Eye, dict[str, int]] = {}
    for row in await tx.rows(statement, seconds=finding.left(deadline)):
        said.setdefault(_eye(row), {})[row.verdict] = row.number
    return {
        eye: Tally(reads=read.get(eye, 0), looked_at=looked_at.get(eye, 0), found=said.get(eye, {}))  # type: ignore[arg-type]
        for eye in sorted(read.keys() | looked_at.keys() | said.keys())
    }


def _eye(row: Row[Any]) -> Eye:
    return Eye(row.camera_id, row.model_name, row.model_version)


def _on(
    day: Day, agency_id: AgencyId, owner: ColumnElement[str], captured_at: ColumnElement[datetime]
) -> ColumnElement[bool]:
    return (owner == agency_id) & (captured_at >= day.begins) & (captured_at < day.ends)
