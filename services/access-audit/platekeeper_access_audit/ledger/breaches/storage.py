"""Tables of breaches and of what was done about them; and what access records say of a stretch of time."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Integer, Row, String, Table, func, select, update

from platekeeper_access_audit.ledger.breaches.domain import Breach, Step, Within
from platekeeper_access_audit.ledger.storage import access_record, metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

PAGE = 5_000

breach = Table(
    "breach",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("policy", String),
    Column("policy_version", String, nullable=False),
    Column("detected_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", String, nullable=False),
    Column("notify_by", Moment, nullable=False),
    Column("contained_at", Moment),
    Column("notified_at", Moment),
    Column("closed_at", Moment),
    Index("breach_agency", "agency_id", "detected_at"),
)
breach_step = Table(
    "breach_step",
    metadata,
    Column("breach_id", String, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("what", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("username", String, nullable=False),
    Column("to", String),
    Column("note", String, nullable=False),
)
_SEEN = (
    *("position", "at", "subject", "username", "name", "organisation", "device", "address", "action", "outcome"),
    *("result_count", "result_ids"),
)


async def add(tx: Tx, new: Breach, step: Step) -> None:
    """Record a breach with its first step."""
    await tx.write(breach.insert().values(asdict(new)))
    await _add_step(tx, new.id, step)


async def change(tx: Tx, changed: Breach, step: Step) -> None:
    """Keep what was done about it."""
    values = {name: getattr(changed, name) for name in ("contained_at", "notified_at", "closed_at")}
    await tx.write(update(breach).where(breach.c.id == changed.id).values(values))
    await _add_step(tx, changed.id, step)


async def get(tx: Tx, agency_id: AgencyId, breach_id: str) -> Breach | None:
    """One breach of the agency."""
    row = await tx.row(select(breach).where(breach.c.id == breach_id, breach.c.agency_id == agency_id))
    return None if row is None else _breach(row)


async def of_agency(tx: Tx, agency_id: AgencyId) -> list[Breach]:
    """Every breach of the agency, the last detected first."""
    statement = select(breach).where(breach.c.agency_id == agency_id).order_by(breach.c.detected_at.desc())
    return [_breach(row) for row in await tx.rows(statement)]


async def overdue(tx: Tx, now: datetime) -> list[Breach]:
    """Breaches of all agencies about which nobody was told in time, and nobody has been since."""
    statement = select(breach).where(breach.c.notified_at.is_(None), breach.c.notify_by <= now)
    return [_breach(row) for row in await tx.rows(statement)]


async def steps(tx: Tx, breach_id: str) -> list[Step]:
    """What was done about it, in order."""
    columns = [breach_step.c[name] for name in Step.__slots__]
    statement = select(*columns).where(breach_step.c.breach_id == breach_id).order_by(breach_step.c.place)
    return [Step(**by_column(row)) for row in await tx.rows(statement)]


async def records(tx: Tx, agency_id: AgencyId, within: Within) -> AsyncIterator[Row[Any]]:
    """The agency's records within, in the order of the ledger, read page by page."""
    table, after = access_record.c, -1
    wanted = [table.agency_id == agency_id, table.at >= within.starts, table.at < within.ends]
    given = {name: getattr(within, name) for name in ("subject", "device", "organisation")}
    wanted += [table[name] == value for name, value in given.items() if value is not None]
    columns = [table[name] for name in _SEEN]
    while True:
        statement = select(*columns).where(*wanted, table.position > after).order_by(table.position).limit(PAGE)
        page = await tx.rows(statement)
        for row in page:
            yield row
        if len(page) < PAGE:
            return
        after = page[-1].position


async def _add_step(tx: Tx, breach_id: str, step: Step) -> None:
    place = await tx.number(select(func.count()).select_from(breach_step).where(breach_step.c.breach_id == breach_id))
    await tx.write(breach_step.insert().values(asdict(step) | {"breach_id": breach_id, "place": place}))


def _breach(row: Row[Any]) -> Breach:
    return Breach(**by_column(row))
