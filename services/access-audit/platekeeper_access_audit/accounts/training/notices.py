"""Notices before training ends or access is to be reviewed, each written once (clauses C3, A8).

A job of the worker writes them; the person sees the own, who holds the training owner's or the administrator's post all
of the agency.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import Column, ForeignKey, Integer, String, Table, UniqueConstraint, select

from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import policy_of, profile_of
from platekeeper_access_audit.accounts.approvals import handlers as approvals
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.policy import ApprovalsPolicy, TrainingPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_access_audit.accounts.training import report
from platekeeper_access_audit.accounts.training.domain import certifying_post
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.rules import ADMINISTRATOR
from platekeeper_common.schema import Moment, by_column

Subject = Literal["training", "access_review"]
ACCESS = "access"
"""What a notice of a review names in place of a course."""
_log = structlog.get_logger()

expiry_notice = Table(
    "expiry_notice",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False, index=True),
    Column("account_id", String, ForeignKey("account.id"), nullable=False),
    Column("subject", String, nullable=False),
    Column("course", String, nullable=False, comment="or access, of a review"),
    Column("ends_at", Moment, nullable=False),
    Column("days", Integer, nullable=False, comment="before the end"),
    Column("written_at", Moment, nullable=False),
    UniqueConstraint("account_id", "subject", "course", "ends_at", "days"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """That something ends within so many days."""

    account_id: str
    subject: Subject
    course: str
    ends_at: datetime
    days: int


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as it was written, and whom it is about."""

    notice: Notice
    name: str
    written_at: datetime


async def run(here: AccountsRoom) -> None:
    """Write what is due, again and again, until cancelled."""
    while True:
        try:
            await write_due(here)
        except Unavailable as error:
            _log.warning("no notices written", reason=str(error))
        await asyncio.sleep(here.notices_every)


async def write_due(here: AccountsRoom) -> None:
    """Write the notices that are due and not written yet. Raises Unavailable."""
    async with here.db.tx() as tx:
        agencies = [agency for agency in await people.agencies(tx) if agency.mode != "closed"]
    for agency in agencies:
        if here.foundation.policies.named(agency.profile) is None:
            continue
        async with here.db.tx() as tx:
            await tx.lock()
            written = await _written(tx, agency.id)
            for notice in [one for one in await _due(tx, here, agency) if one not in written]:
                row = asdict(notice) | {"id": ids.new(), "agency_id": agency.id, "written_at": here.clock()}
                await tx.write(expiry_notice.insert().values(**row))


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Told]:
    """The caller's own, or in one of the two posts the agency's; the latest first."""
    agency = await people.find_agency(tx, by.agency_id)
    told = {
        one.account_id: one.office
        for post in (certifying_post(policy_of(here, agency)), ADMINISTRATOR)
        for one in reversed(await incumbents.who_may(tx, here, agency, post, Action.NOTICE_VIEW))
    }
    by = by.acting_for(told.get(by.subject))
    tx.emit(here.recorder.administration(by, Action.NOTICE_VIEW, "expiry_notices", agency.id, place))
    chosen = (
        select(expiry_notice, people.account.c.name).join(people.account).where(expiry_notice.c.agency_id == agency.id)
    )
    if by.subject not in told:
        chosen = chosen.where(expiry_notice.c.account_id == by.subject)
    rows = await tx.rows(chosen.order_by(expiry_notice.c.written_at.desc(), expiry_notice.c.ends_at))
    return [
        Told(
            Notice(
                account_id=row.account_id, subject=row.subject, course=row.course, ends_at=row.ends_at, days=row.days
            ),
            row.name,
            row.written_at,
        )
        for row in rows
    ]


async def _written(tx: Tx, agency_id: AgencyId) -> set[Notice]:
    columns = [expiry_notice.c[name] for name in ("account_id", "subject", "course", "ends_at", "days")]
    own = select(*columns).where(expiry_notice.c.agency_id == agency_id)
    return {Notice(**by_column(row)) for row in await tx.rows(own)}


async def _due(tx: Tx, here: AccountsRoom, agency: Agency) -> list[Notice]:
    now, profile = here.clock(), profile_of(here, agency)
    before = profile.section(TrainingPolicy).expiry_notices
    due: list[Notice] = []
    for line in await report.lines(tx, here, agency):
        if line.account.disabled_at is None:
            for one in line.courses:
                due += _tightest(line.account.id, "training", one.course, one.until, before, now)
    warning = (profile.section(ApprovalsPolicy).review_warning,)
    for reviewed in await approvals.reviewed(tx, here, agency):
        if reviewed.approval is not None:
            due += _tightest(reviewed.account.id, "access_review", ACCESS, reviewed.approval.review_by, warning, now)
    return due


def _tightest(
    account_id: str, subject: Subject, course: str, ends_at: datetime | None, before: Sequence[timedelta], now: datetime
) -> Iterator[Notice]:
    """The notice of the shortest time ahead that has come; none of what has ended already."""
    if ends_at is not None and ends_at > now and (come := [one for one in before if ends_at - now <= one]):
        yield Notice(account_id=account_id, subject=subject, course=course, ends_at=ends_at, days=min(come).days)
