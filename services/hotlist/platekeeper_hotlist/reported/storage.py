"""The table of reported partial plates. Every statement names the agency."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Boolean, Column, Index, Row, Select, String, Table, exists, func, select, update

from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column
from platekeeper_hotlist.reported.domain import Reported
from platekeeper_hotlist.storage import entry, metadata

reported_partial = Table(
    "reported_partial",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("incident", String, nullable=False),
    Column("incident_type", String, nullable=False),
    Column("major", Boolean, nullable=False),
    Column("pattern", String, nullable=False),
    Column("reported_by", String, nullable=False),
    Column("reported_at", Moment, nullable=False),
    Column("reason", String),
    Column("settled_by", String),
    Column("settled_at", Moment),
    Index("reported_partial_once", "agency_id", "incident", "pattern", unique=True),
)
MOST = 500
"""Reported partial plates that one answer lists, newest first."""


async def add(tx: Tx, new: Reported) -> None:
    """Keep it. Raises IntegrityError when the incident has this partial plate already."""
    told = asdict(new)
    del told["entry_id"]
    await tx.write(reported_partial.insert().values(**told))


async def get(tx: Tx, agency_id: AgencyId, reported_id: str) -> Reported:
    """One of the agency's. Raises NotFound `partial_unknown`."""
    row = await tx.row(_with_entry(agency_id).where(reported_partial.c.id == reported_id))
    if row is None:
        raise NotFound("no such reported partial plate", code="partial_unknown")
    return _reported(row)


async def newest(tx: Tx, agency_id: AgencyId, incident: str | None) -> list[Reported]:
    """The agency's, or those of one incident, newest first."""
    found = _with_entry(agency_id).order_by(reported_partial.c.reported_at.desc(), reported_partial.c.id.desc())
    if incident is not None:
        found = found.where(reported_partial.c.incident == incident)
    return [_reported(row) for row in await tx.rows(found.limit(MOST))]


async def settle(tx: Tx, reported_id: str, **values: Any) -> None:
    """Set columns of one."""
    await tx.write(update(reported_partial).where(reported_partial.c.id == reported_id).values(**values))


async def number_due(tx: Tx) -> int:
    """How many of major incidents are neither entered nor explained, over all agencies."""
    entered = exists().where(
        entry.c.agency_id == reported_partial.c.agency_id,
        entry.c.plate == reported_partial.c.pattern,
        entry.c.incident == reported_partial.c.incident,
    )
    waiting = reported_partial.c.major & reported_partial.c.settled_at.is_(None) & ~entered
    return await tx.number(select(func.count()).select_from(reported_partial).where(waiting))


def _with_entry(agency_id: AgencyId) -> Select[Any]:
    """Each with the first entry of its plate and incident, one that has left its list too."""
    first = (
        select(func.min(entry.c.id))
        .where(
            entry.c.agency_id == reported_partial.c.agency_id,
            entry.c.plate == reported_partial.c.pattern,
            entry.c.incident == reported_partial.c.incident,
        )
        .scalar_subquery()
        .label("entry_id")
    )
    return select(reported_partial, first).where(reported_partial.c.agency_id == agency_id)


def _reported(row: Row[Any]) -> Reported:
    told = dict(by_column(row))
    return Reported(**told | {"agency_id": AgencyId(told["agency_id"])})
