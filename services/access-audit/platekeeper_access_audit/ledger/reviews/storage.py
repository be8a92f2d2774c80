"""Tables of the review queue: items, and the steps of each."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, Row, String, Table, func, select, update

from platekeeper_access_audit.ledger.reviews.domain import Item, Step
from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, RowId, by_column

review_item = Table(
    "review_item",
    metadata,
    Column("number", RowId, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("agency_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("detector", String),
    Column("matter_session", String),
    Column("subject", String, nullable=False),
    Column("username", String, nullable=False),
    Column("name", String, nullable=False),
    Column("sentence", String, nullable=False),
    Column("record_ids", JSON, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("policy_version", String, nullable=False),
    Column("reviewer", String),
    Column("finding", String),
    Column("disposition", String),
    Column("settled_by", String),
    Column("settled_at", Moment),
    Index("review_item_agency", "agency_id", "number"),
    Index("review_item_subject", "agency_id", "subject", "kind"),
)
review_step = Table(
    "review_step",
    metadata,
    Column("item_id", String, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("what", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("username", String, nullable=False),
    Column("note", String, nullable=False),
)


async def add_item(tx: Tx, item: Item, step: Step) -> None:
    """Open an item with its first step."""
    values = asdict(item) | {"record_ids": list(item.record_ids)}
    del values["number"]
    await tx.write(review_item.insert().values(values))
    await add_step(tx, item.id, step)


async def change_item(tx: Tx, item: Item, step: Step) -> None:
    """Keep the item as it is now, with the step that made it so."""
    names = ("sentence", "reviewer", "finding", "disposition", "settled_by", "settled_at")
    values = {name: getattr(item, name) for name in names} | {"record_ids": list(item.record_ids)}
    await tx.write(update(review_item).where(review_item.c.id == item.id).values(values))
    await add_step(tx, item.id, step)


async def add_step(tx: Tx, item_id: str, step: Step) -> None:
    """Put the step behind those that are there."""
    place = await tx.number(select(func.count()).select_from(review_step).where(review_step.c.item_id == item_id))
    await tx.write(review_step.insert().values(asdict(step) | {"item_id": item_id, "place": place}))


async def steps(tx: Tx, item_id: str) -> list[Step]:
    """An item's steps in order."""
    table = review_step.c
    columns = [table[name] for name in Step.__slots__]
    rows = await tx.rows(select(*columns).where(table.item_id == item_id).order_by(table.place))
    return [Step(**by_column(row)) for row in rows]


async def item(tx: Tx, agency_id: AgencyId, item_id: str) -> Item | None:
    """One item of the agency."""
    table = review_item.c
    row = await tx.row(select(review_item).where(table.id == item_id, table.agency_id == agency_id))
    return None if row is None else _item(row)


async def items(
    tx: Tx, agency_id: AgencyId, *, settled: bool | None, kind: str | None, below: int | None, limit: int
) -> list[Item]:
    """Items of the agency below a number, the newest first."""
    table = review_item.c
    statement = select(review_item).where(table.agency_id == agency_id)
    if settled is not None:
        statement = statement.where(table.settled_at.is_not(None) if settled else table.settled_at.is_(None))
    if kind is not None:
        statement = statement.where(table.kind == kind)
    if below is not None:
        statement = statement.where(table.number < below)
    return [_item(row) for row in await tx.rows(statement.order_by(table.number.desc()).limit(limit))]


async def items_about(tx: Tx, agency_id: AgencyId, subject: str, kind: str, *, since: datetime) -> list[Item]:
    """Items of this kind about a person, opened since then or not settled yet."""
    table = review_item.c
    statement = select(review_item).where(table.agency_id == agency_id, table.subject == subject, table.kind == kind)
    rows = await tx.rows(statement.where((table.opened_at >= since) | table.settled_at.is_(None)))
    return [_item(row) for row in rows]


async def between(tx: Tx, agency_id: AgencyId, start: datetime, end: datetime) -> list[Item]:
    """Items opened or settled within `start` <= t < `end`, oldest first."""
    table = review_item.c
    opened = (table.opened_at >= start) & (table.opened_at < end)
    settled = (table.settled_at >= start) & (table.settled_at < end)
    statement = select(review_item).where(table.agency_id == agency_id, opened | settled)
    return [_item(row) for row in await tx.rows(statement.order_by(table.number))]


async def overdue(tx: Tx, at: datetime, agency_id: AgencyId | None = None) -> int:
    """How many items should have been settled by `at` and had not been then."""
    table = review_item.c
    unsettled = table.settled_at.is_(None) | (table.settled_at > at)
    statement = select(func.count()).select_from(review_item).where(table.due_at <= at, unsettled)
    if agency_id is not None:
        statement = statement.where(table.agency_id == agency_id)
    return await tx.number(statement)


def _item(row: Row[Any]) -> Item:
    values = dict(by_column(row))
    return Item(**values | {"record_ids": tuple(values["record_ids"])})
