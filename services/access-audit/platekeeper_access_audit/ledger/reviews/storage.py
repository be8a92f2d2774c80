"""Tables of the review queue, of alerts, of numbers still owed, and of the plates of staff's vehicles as digests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, Row, String, Table, UniqueConstraint, delete, func, select, update

from platekeeper_access_audit.ledger.reviews.domain import Alert, Item, Step
from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, RowId

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
owed_number = Table(
    "owed_number",
    metadata,
    Column("matter_session", String, primary_key=True),
    Column("agency_id", String, primary_key=True),
    Column("subject", String),
    Column("username", String),
    Column("name", String),
    Column("record_id", String),
    Column("since", Moment),
    Column("given_at", Moment),
)
staff_plate = Table(
    "staff_plate",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("username", String, nullable=False, comment="whose vehicle it is"),
    Column("entered_by", String, nullable=False),
    Column("entered_at", Moment, nullable=False),
    UniqueConstraint("agency_id", "digest"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A matter session whose number is owed since the first record under it."""

    matter_session: str
    agency_id: AgencyId
    subject: str
    username: str
    name: str
    record_id: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffPlate:
    """A vehicle of staff: whose it is and when it was entered; its plate cannot be read from here."""

    id: str
    agency_id: AgencyId
    digest: str
    username: str
    entered_by: str
    entered_at: datetime


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
    row = await tx.row(select(func.count()).select_from(review_step).where(review_step.c.item_id == item_id))
    place = int(row[0]) if row else 0
    await tx.write(review_step.insert().values(asdict(step) | {"item_id": item_id, "place": place}))


async def steps(tx: Tx, item_id: str) -> list[Step]:
    """An item's steps in order."""
    table = review_step.c
    columns = [table[name] for name in Step.__slots__]
    rows = await tx.rows(select(*columns).where(table.item_id == item_id).order_by(table.place))
    return [Step(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


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


async def alerts_between(tx: Tx, agency_id: AgencyId, start: datetime, end: datetime) -> list[Alert]:
    """Alerts raised within `start` <= t < `end`, oldest first."""
    table = alert.c
    mine = (table.agency_id == agency_id, table.raised_at >= start, table.raised_at < end)
    return [_alert(row) for row in await tx.rows(select(alert).where(*mine).order_by(table.number))]


async def overdue(tx: Tx, at: datetime, agency_id: AgencyId | None = None) -> int:
    """How many items should have been settled by `at` and had not been then."""
    table = review_item.c
    unsettled = table.settled_at.is_(None) | (table.settled_at > at)
    statement = select(func.count()).select_from(review_item).where(table.due_at <= at, unsettled)
    if agency_id is not None:
        statement = statement.where(table.agency_id == agency_id)
    row = await tx.row(statement)
    return int(row[0]) if row else 0


async def add_alert(tx: Tx, told: Alert) -> bool:
    """Keep the alert unless one of its kind is there about the same; whether it is new."""
    table = alert.c
    same = (table.agency_id == told.agency_id, table.kind == told.kind, table.about == told.about)
    if await tx.row(select(table.number).where(*same)) is not None:
        return False
    values = asdict(told)
    del values["number"]
    await tx.write(alert.insert().values(values))
    return True


async def alerts(tx: Tx, agency_id: AgencyId, *, unseen: bool, below: int | None, limit: int) -> list[Alert]:
    """Alerts of the agency below a number, the newest first."""
    table = alert.c
    statement = select(alert).where(table.agency_id == agency_id)
    if unseen:
        statement = statement.where(table.acknowledged_at.is_(None))
    if below is not None:
        statement = statement.where(table.number < below)
    return [_alert(row) for row in await tx.rows(statement.order_by(table.number.desc()).limit(limit))]


async def alert_of(tx: Tx, agency_id: AgencyId, alert_id: str) -> Alert | None:
    """One alert of the agency."""
    row = await tx.row(select(alert).where(alert.c.id == alert_id, alert.c.agency_id == agency_id))
    return None if row is None else _alert(row)


async def acknowledge(tx: Tx, told: Alert) -> None:
    """Keep who has seen the alert and what was said to it."""
    names = ("acknowledged_at", "acknowledged_by", "note")
    await tx.write(update(alert).where(alert.c.id == told.id).values({name: getattr(told, name) for name in names}))


async def unseen(tx: Tx) -> Mapping[str, int]:
    """How many alerts nobody has acknowledged, by kind."""
    many = func.count().label("many")
    statement = select(alert.c.kind, many).where(alert.c.acknowledged_at.is_(None)).group_by(alert.c.kind)
    return {row.kind: int(row.many) for row in await tx.rows(statement)}


async def owe(tx: Tx, owed: Owed) -> None:
    """A record came under a matter session whose number is owed: the first of them counts."""
    row = await _owed(tx, owed.agency_id, owed.matter_session)
    values = asdict(owed)
    if row is None:
        await tx.write(owed_number.insert().values(values))
    elif row.since is None or owed.since < row.since:
        await tx.write(update(owed_number).where(*_session(owed.agency_id, owed.matter_session)).values(values))


async def give(tx: Tx, agency_id: AgencyId, matter_session: str, at: datetime) -> None:
    """The number came, maybe before the ledger heard that it was owed."""
    if await _owed(tx, agency_id, matter_session) is None:
        values = {"agency_id": agency_id, "matter_session": matter_session, "given_at": at}
        await tx.write(owed_number.insert().values(values))
    else:
        await tx.write(update(owed_number).where(*_session(agency_id, matter_session)).values(given_at=at))


async def owed_since(tx: Tx, agency_id: AgencyId, before: datetime) -> list[Owed]:
    """Sessions whose number has been owed since before then and has not come."""
    table = owed_number.c
    mine = (table.agency_id == agency_id, table.since <= before, table.given_at.is_(None))
    columns = [table[name] for name in Owed.__slots__]
    return [Owed(**row._mapping) for row in await tx.rows(select(*columns).where(*mine))]  # noqa: SLF001


async def forget_owed(tx: Tx, agency_id: AgencyId, sessions: Iterable[str], *, given_before: datetime) -> None:
    """Forget these sessions, and those whose number came before then."""
    table = owed_number.c
    done = table.matter_session.in_(list(sessions)) | (table.given_at < given_before)
    await tx.write(delete(owed_number).where(table.agency_id == agency_id, done))


async def add_vehicle(tx: Tx, vehicle: StaffPlate) -> None:
    """Enter a vehicle. Raises IntegrityError when its plate is there."""
    await tx.write(staff_plate.insert().values(asdict(vehicle)))


async def vehicles(tx: Tx, agency_id: AgencyId) -> Sequence[StaffPlate]:
    """The agency's register, by username."""
    table = staff_plate.c
    statement = select(staff_plate).where(table.agency_id == agency_id).order_by(table.username, table.id)
    return [StaffPlate(**row._mapping) for row in await tx.rows(statement)]  # noqa: SLF001


async def remove_vehicle(tx: Tx, agency_id: AgencyId, vehicle_id: str) -> bool:
    """Take a vehicle out; whether it was there."""
    table = staff_plate.c
    return bool(await tx.write(delete(staff_plate).where(table.id == vehicle_id, table.agency_id == agency_id)))


async def _owed(tx: Tx, agency_id: AgencyId, matter_session: str) -> Row[Any] | None:
    return await tx.row(select(owed_number).where(*_session(agency_id, matter_session)))


def _session(agency_id: AgencyId, matter_session: str) -> tuple[Any, Any]:
    return owed_number.c.agency_id == agency_id, owed_number.c.matter_session == matter_session


def _item(row: Row[Any]) -> Item:
    values = dict(row._mapping)  # noqa: SLF001
    return Item(**values | {"record_ids": tuple(values["record_ids"])})


def _alert(row: Row[Any]) -> Alert:
    return Alert(**row._mapping)  # noqa: SLF001
