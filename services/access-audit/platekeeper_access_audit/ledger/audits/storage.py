"""Tables of audits, of their samples, and of monthly reports."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, Table, UniqueConstraint, and_, func, not_, select, update

from platekeeper_access_audit.ledger.audits.domain import Audit, Candidate, Sampled
from platekeeper_access_audit.ledger.storage import access_record, metadata
from platekeeper_common.db import Database, Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, RowId, by_column

PAGE = 5_000

audit = Table(
    "audit",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("period", String, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("cadence", String, nullable=False),
    Column("tree_size", RowId, nullable=False),
    Column("root", String, nullable=False),
    Column("seed", String, nullable=False),
    Column("population", Integer, nullable=False),
    Column("risky", Integer, nullable=False),
    Column("findings", JSON, nullable=False),
    Column("policy_version", String, nullable=False),
    Column("signed_off_at", Moment),
    Column("signed_off_by", String),
    Column("report", JSON),
    Column("report_sha256", String),
    UniqueConstraint("agency_id", "period"),
)
audit_record = Table(
    "audit_record",
    metadata,
    Column("audit_id", String, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("record_id", String, nullable=False),
    Column("why", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("username", String, nullable=False),
    Column("name", String, nullable=False),
    Column("action", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("reviewed_at", Moment),
    Column("reviewer", String),
    Column("reviewer_name", String),
    Column("reviewer_title", String),
    Column("finding", String),
    Column("disposition", String),
    UniqueConstraint("audit_id", "record_id"),
    Index("audit_record_record", "record_id"),
)
monitoring_report = Table(
    "monitoring_report",
    metadata,
    Column("agency_id", String, primary_key=True),
    Column("month", String, primary_key=True),
    Column("made_at", Moment, nullable=False),
    Column("content", JSON, nullable=False),
    Column("sha256", String, nullable=False),
)


async def first_record_at(tx: Tx, agency_id: AgencyId) -> datetime | None:
    """When the agency's first record happened."""
    row = await tx.row(select(func.min(access_record.c.at)).where(access_record.c.agency_id == agency_id))
    return None if row is None else row[0]


async def candidates(
    db: Database, agency_id: AgencyId, start: datetime, end: datetime, size: int
) -> AsyncIterator[Candidate]:
    """What people did in `start` <= at < `end`, among the first `size` records; read page by page."""
    table, after = access_record.c, -1
    names = ("id", "outcome", "purpose", "number_pending", "requested_by", "actor")
    columns = [table[name] for name in ("position", *names)]
    whose = and_(table.agency_id == agency_id, table.at >= start, table.at < end, table.position < size)
    people = not_(table.subject.like("service:%"))
    while True:
        statement = select(*columns).where(whose, people, table.position > after).order_by(table.position).limit(PAGE)
        async with db.tx() as tx:
            page = await tx.rows(statement)
        for row in page:
            yield Candidate(row.id, row.outcome, row.purpose, bool(row.number_pending), row.requested_by, row.actor)
        if len(page) < PAGE:
            return
        after = page[-1].position


async def add(tx: Tx, opened: Audit, sample: Mapping[str, str]) -> None:
    """Open the audit with its sample: why each record is in it, by its id, in order."""
    table = access_record.c
    columns = (table.id, table.subject, table.username, table.name, table.action, table.outcome, table.at)
    rows = {row.id: row for row in await tx.rows(select(*columns).where(table.id.in_(list(sample))))}
    await tx.write(audit.insert().values(asdict(opened) | {"findings": list(opened.findings)}))
    values = [
        {"audit_id": opened.id, "place": place, "record_id": record_id, "why": why}
        | {name: getattr(rows[record_id], name) for name in ("subject", "username", "name", "action", "outcome", "at")}
        for place, (record_id, why) in enumerate(sample.items(), 1)
    ]
    if values:
        await tx.write(audit_record.insert(), values)


async def of_period(tx: Tx, agency_id: AgencyId, period: str) -> Audit | None:
    """The agency's audit of the period."""
    row = await tx.row(select(audit).where(audit.c.agency_id == agency_id, audit.c.period == period))
    return None if row is None else _audit(row)


async def get(tx: Tx, agency_id: AgencyId, audit_id: str) -> Audit | None:
    """One audit of the agency."""
    row = await tx.row(select(audit).where(audit.c.id == audit_id, audit.c.agency_id == agency_id))
    return None if row is None else _audit(row)


async def of_agency(tx: Tx, agency_id: AgencyId) -> list[Audit]:
    """All audits of the agency, the newest period first."""
    statement = select(audit).where(audit.c.agency_id == agency_id).order_by(audit.c.ends_at.desc())
    return [_audit(row) for row in await tx.rows(statement)]


async def overdue(tx: Tx, now: datetime) -> list[Audit]:
    """Audits of all agencies that should have been signed off by now."""
    statement = select(audit).where(audit.c.signed_off_at.is_(None), audit.c.due_at <= now)
    return [_audit(row) for row in await tx.rows(statement)]


async def last_signed_off(tx: Tx, agency_id: AgencyId) -> datetime | None:
    """When an audit of the agency was last signed off."""
    row = await tx.row(select(func.max(audit.c.signed_off_at)).where(audit.c.agency_id == agency_id))
    return None if row is None else row[0]


async def signed_off_in(tx: Tx, agency_id: AgencyId, start: datetime, end: datetime) -> int:
    """How many audits of the agency were signed off within `start` <= t < `end`."""
    table = audit.c
    mine = (table.agency_id == agency_id, table.signed_off_at >= start, table.signed_off_at < end)
    return await tx.number(select(func.count()).select_from(audit).where(*mine))


async def sample(tx: Tx, audit_id: str) -> Sequence[Sampled]:
    """The audit's records in order."""
    columns = [audit_record.c[name] for name in Sampled.__slots__]
    statement = select(*columns).where(audit_record.c.audit_id == audit_id).order_by(audit_record.c.place)
    return [Sampled(**by_column(row)) for row in await tx.rows(statement)]


async def reviewed(tx: Tx, audit_id: str, record: Sampled) -> None:
    """Keep what a review found."""
    names = ("reviewed_at", "reviewer", "reviewer_name", "reviewer_title", "finding", "disposition")
    mine = (audit_record.c.audit_id == audit_id, audit_record.c.place == record.place)
    await tx.write(update(audit_record).where(*mine).values({name: getattr(record, name) for name in names}))


async def signed(tx: Tx, done: Audit) -> None:
    """Keep who signed off, and the report."""
    names = ("signed_off_at", "signed_off_by", "report", "report_sha256")
    await tx.write(update(audit).where(audit.c.id == done.id).values({name: getattr(done, name) for name in names}))


async def report_of(tx: Tx, agency_id: AgencyId, month: str) -> tuple[dict[str, Any], datetime, str] | None:
    """The report of a month that is over: its content, when it was made, and its SHA-256."""
    table = monitoring_report.c
    row = await tx.row(select(monitoring_report).where(table.agency_id == agency_id, table.month == month))
    return None if row is None else (row.content, row.made_at, row.sha256)


async def keep_report(
    tx: Tx, agency_id: AgencyId, month: str, content: dict[str, Any], at: datetime, sha256: str
) -> None:
    """Keep the report of a month for good."""
    values = {"agency_id": agency_id, "month": month, "made_at": at, "content": content, "sha256": sha256}
    await tx.write(monitoring_report.insert().values(values))


def _audit(row: Any) -> Audit:
    values = dict(by_column(row))
    return Audit(**values | {"findings": tuple(values["findings"])})
