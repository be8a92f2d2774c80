"""The months that have expired: written down before a key is destroyed, so that what was begun is finished."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, String, Table, func, select, update

from platekeeper_access_audit.ledger.storage import access_record, metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment

expired_month = Table(
    "expired_month",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("month", String, primary_key=True, comment="2026-11, in UTC"),
    Column("expired_at", Moment, nullable=False),
    Column("records", BigInteger, nullable=False, comment="whose query elements went"),
    Column("destroyed_at", Moment, comment="when the keys were gone; empty: they may be there still"),
)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of an agency's records."""

    agency_id: AgencyId
    month: str


async def sealed(tx: Tx, agency_id: AgencyId, start: datetime, end: datetime) -> int:
    """How many of the agency's records from `start` to before `end` have query elements."""
    table = access_record.c
    chosen = select(func.count()).where(table.agency_id == agency_id, table.at >= start, table.at < end)
    return await tx.number(chosen.where(table.query_key_id.is_not(None)))


async def known(tx: Tx, one: Month) -> bool:
    """Whether the month was written down."""
    table = expired_month.c
    return (
        await tx.row(select(table.month).where(table.agency_id == one.agency_id, table.month == one.month)) is not None
    )


async def add(tx: Tx, one: Month, *, records: int, now: datetime) -> None:
    """Write the month down."""
    values = {"agency_id": one.agency_id, "month": one.month, "records": records, "expired_at": now}
    await tx.write(expired_month.insert().values(values))


async def unfinished(tx: Tx) -> list[Month]:
    """Months whose keys may be there still."""
    table = expired_month.c
    chosen = select(table.agency_id, table.month).where(table.destroyed_at.is_(None)).order_by(table.month)
    return [Month(AgencyId(row.agency_id), row.month) for row in await tx.rows(chosen)]


async def finish(tx: Tx, one: Month, *, now: datetime) -> None:
    """The month's keys are gone."""
    table = expired_month.c
    chosen = update(expired_month).where(table.agency_id == one.agency_id, table.month == one.month)
    await tx.write(chosen.values(destroyed_at=now))
