"""What is counted of reads, looks and corrections, and which corrections are given away; of the agency alone (H1)."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Label, Row, Table, func, select

from platekeeper_common.db import Tx
from platekeeper_common.events.retention import Verdict
from platekeeper_common.ids import AgencyId
from platekeeper_retention import correction_storage, finding, partitions, storage
from platekeeper_retention.corrected import Correction
from platekeeper_retention.correction_storage import STANDS, correction, look
from platekeeper_retention.corrections.domain import Day, Eye, Tally, Window
from platekeeper_retention.domain import KeptRead
from platekeeper_retention.storage import plate_read

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


async def to_give(
    tx: Tx, agency_id: AgencyId, made: Window, at_most: int, seconds: float
) -> list[tuple[Correction, KeptRead | None]]:
    """Up to `at_most` corrections that stand and were made in the window, in their order, each with its read.

    That is the version which the officer saw, not the last one: its picture is the one that the correction is true of.
    None: that version is gone. Raises Busy `query_too_slow`.
    """
    deadline = time.monotonic() + seconds
    wanted = correction_storage.standing(agency_id)
    if made.start is not None:
        wanted = wanted.where(correction.c.made_at >= made.start)
    if made.end is not None:
        wanted = wanted.where(correction.c.made_at < made.end)
    wanted = wanted.order_by(correction.c.made_at, correction.c.read_id).limit(at_most)
    seen: dict[tuple[str, int], KeptRead] = {}
    async with partitions.own_reads(tx, agency_id):
        rows = await tx.rows(wanted, seconds=finding.left(deadline))
        keys = [(row.read_id, row.read_version) for row in rows]
        for start in range(0, len(keys), AT_ONCE):
            some = set(keys[start : start + AT_ONCE])
            seen |= await storage.versions(tx, agency_id, some, finding.left(deadline))
    return [(correction_storage.correction_in(row), seen.get(key)) for row, key in zip(rows, keys, strict=True)]


async def _of_day(tx: Tx, agency_id: AgencyId, day: Day, deadline: float) -> dict[Eye, Tally]:
    number = func.count().label("number")
    eyes: tuple[Any, ...] = plate_read.c.camera_id, _in_model("name"), _in_model("version")
    # A read is counted once for each recogniser that read it. Leaving out what a later version replaced would take a
    # look at every month for each.
    reads = func.count(plate_read.c.id.distinct()).label("number")
    statement = select(*eyes, reads).where(_on(day, agency_id, plate_read)).group_by(*eyes)
    rows = await tx.rows(statement, seconds=finding.left(deadline))
    read = {_eye(row): row.number for row in rows}

    eyes = look.c.camera_id, look.c.model_name, look.c.model_version
    statement = select(*eyes, number).where(_on(day, agency_id, look)).group_by(*eyes)
    rows = await tx.rows(statement, seconds=finding.left(deadline))
    looked_at = {_eye(row): row.number for row in rows}

    eyes = correction.c.camera_id, correction.c.model_name, correction.c.model_version
    said = select(*eyes, correction.c.verdict, number).where(_on(day, agency_id, correction), STANDS)
    found: dict[Eye, dict[Verdict, int]] = {}
    for row in await tx.rows(said.group_by(*eyes, correction.c.verdict), seconds=finding.left(deadline)):
        found.setdefault(_eye(row), {})[row.verdict] = row.number
    return {
        eye: Tally(reads=read.get(eye, 0), looked_at=looked_at.get(eye, 0), found=found.get(eye, {}))
        for eye in read.keys() | looked_at.keys() | found.keys()
    }


def _in_model(name: str) -> Label[str]:
    said: Label[str] = plate_read.c.model[name].as_string().label(f"model_{name}")
    return said


def _eye(row: Row[Any]) -> Eye:
    return Eye(row.camera_id, row.model_name, row.model_version)


def _on(day: Day, agency_id: AgencyId, table: Table) -> ColumnElement[bool]:
    own = table.c.agency_id == agency_id
    return own & (table.c.captured_at >= day.begins) & (table.c.captured_at < day.ends)
