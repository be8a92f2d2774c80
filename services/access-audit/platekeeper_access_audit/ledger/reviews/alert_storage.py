"""The table of alerts: what the administrator is told at once."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Row, String, Table, UniqueConstraint, func, select, update

from platekeeper_access_audit.ledger.reviews.domain import Alert
from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, RowId, by_column

alert = Table(
    "alert",
    metadata,
    Column("number", RowId, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("agency_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("about", String, nullable=False),
    Column("sentence", String, nullable=False),
    Column("subject", String),
    Column("username", String),
    Column("code", String),
    Column("clause", String),
    Column("happened_at", Moment, nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", String),
    Column("note", String),
    UniqueConstraint("agency_id", "kind", "about"),
    Index("alert_agency", "agency_id", "number"),
)


async def add(tx: Tx, told: Alert) -> bool:
    """Keep the alert unless one of its kind is there about the same; whether it is new."""
    table = alert.c
    same = (table.agency_id == told.agency_id, table.kind == told.kind, table.about == told.about)
    if await tx.row(select(table.number).where(*same)) is not None:
        return False
    values = asdict(told)
    del values["number"]
    await tx.write(alert.insert().values(values))
    return True


async def of_agency(tx: Tx, agency_id: AgencyId, *, unseen: bool, below: int | None, limit: int) -> list[Alert]:
    """Alerts of the agency below a number, the newest first."""
    table = alert.c
    statement = select(alert).where(table.agency_id == agency_id)
    if unseen:
        statement = statement.where(table.acknowledged_at.is_(None))
    if below is not None:
        statement = statement.where(table.number < below)
    return [_alert(row) for row in await tx.rows(statement.order_by(table.number.desc()).limit(limit))]


async def get(tx: Tx, agency_id: AgencyId, alert_id: str) -> Alert | None:
    """One alert of the agency."""
    row = await tx.row(select(alert).where(alert.c.id == alert_id, alert.c.agency_id == agency_id))
    return None if row is None else _alert(row)


async def between(tx: Tx, agency_id: AgencyId, start: datetime, end: datetime) -> list[Alert]:
    """Alerts raised within `start` <= t < `end`, oldest first."""
    table = alert.c
    mine = (table.agency_id == agency_id, table.raised_at >= start, table.raised_at < end)
    return [_alert(row) for row in await tx.rows(select(alert).where(*mine).order_by(table.number))]


async def acknowledge(tx: Tx, told: Alert) -> None:
    """Keep who has seen the alert and what was said to it."""
    names = ("acknowledged_at", "acknowledged_by", "note")
    await tx.write(update(alert).where(alert.c.id == told.id).values({name: getattr(told, name) for name in names}))


async def unseen(tx: Tx) -> Mapping[str, int]:
    """How many alerts nobody has acknowledged, by kind."""
    many = func.count().label("many")
    statement = select(alert.c.kind, many).where(alert.c.acknowledged_at.is_(None)).group_by(alert.c.kind)
    return {row.kind: int(row.many) for row in await tx.rows(statement)}


def _alert(row: Row[Any]) -> Alert:
    return Alert(**by_column(row))
