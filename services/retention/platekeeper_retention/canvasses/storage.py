"""The table of canvasses. Every statement names the agency (H1)."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Index, Row, String, Table, select, update

from platekeeper_common.db import Tx
from platekeeper_common.documents import AreaStated
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column
from platekeeper_retention.canvasses.domain import Canvass
from platekeeper_retention.storage import metadata

canvass = Table(
    "canvass",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("incident_number", String, nullable=False),
    Column("incident_type", String, nullable=False),
    Column("major", Boolean, nullable=False),
    Column("area", JSON, nullable=False),
    Column("captured_from", Moment, nullable=False),
    Column("captured_to", Moment, nullable=False),
    Column("opened_by", String, nullable=False),
    Column("opened_by_name", String, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closes_at", Moment, nullable=False),
    Column("over", JSON, nullable=False),
    Column("approved_by", String),
    Column("approved_by_name", String),
    Column("approved_at", Moment),
    Column("closed_at", Moment),
    Index("canvass_by_closing", "agency_id", "closes_at"),
)


async def add(tx: Tx, new: Canvass) -> None:
    """Keep it."""
    row = asdict(new) | {"area": new.area.elements(), "over": list(new.over)}
    await tx.write(canvass.insert().values(**row))


async def get(tx: Tx, agency_id: AgencyId, canvass_id: str) -> Canvass:
    """One of the agency's. Raises NotFound `canvass_unknown`."""
    own = (canvass.c.agency_id == agency_id) & (canvass.c.id == canvass_id)
    if (row := await tx.row(select(canvass).where(own))) is None:
        raise NotFound("no such canvass", code="canvass_unknown")
    return _canvass(row)


async def closing_after(tx: Tx, agency_id: AgencyId, now: datetime) -> list[Canvass]:
    """The agency's that have neither been closed nor run out."""
    standing = (canvass.c.agency_id == agency_id) & (canvass.c.closes_at > now) & canvass.c.closed_at.is_(None)
    return [_canvass(row) for row in await tx.rows(select(canvass).where(standing))]


async def change(tx: Tx, agency_id: AgencyId, canvass_id: str, **values: Any) -> None:
    """Set columns of one."""
    own = (canvass.c.agency_id == agency_id) & (canvass.c.id == canvass_id)
    await tx.write(update(canvass).where(own).values(**values))


def _canvass(row: Row[Any]) -> Canvass:
    told = dict(by_column(row))
    area = AreaStated.model_validate(told["area"]).area()
    return Canvass(**told | {"agency_id": AgencyId(told["agency_id"]), "area": area, "over": tuple(told["over"])})
