"""The table of matters that were chosen, and its queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Index, Row, String, Table, Text, select, update

from platekeeper_access_audit.accounts.matters.domain import Chosen
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.matter import Matter
from platekeeper_common.schema import Moment, by_column

matter_session = Table(
    "matter_session",
    tables,
    Column("id", String, primary_key=True),
    Column("session", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("agency_id", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("type", String, nullable=False),
    Column("number", String, nullable=True),
    Column("number_pending", Boolean, nullable=False),
    Column("reason", Text, nullable=True),
    Column("requested_by", String, nullable=True),
    Column("unit", String, nullable=True),
    Column("shift", String, nullable=True),
    Column("chosen_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("numbered_at", Moment, nullable=True),
    Column("ended_at", Moment, nullable=True),
)
Index("matter_session_of_session", matter_session.c.session, matter_session.c.chosen_at)


async def add(tx: Tx, new: Chosen) -> None:
    """Keep a choice."""
    matter = {name: getattr(new.matter, name) for name in Matter.__slots__}
    own = {name: getattr(new, name) for name in Chosen.__slots__ if name != "matter"}
    await tx.write(matter_session.insert().values(**matter | own))


async def last(tx: Tx, session: str) -> Chosen | None:
    """The session's last choice that nobody has ended, whether its time is over or not."""
    own = (matter_session.c.session == session) & matter_session.c.ended_at.is_(None)
    row = await tx.row(select(matter_session).where(own).order_by(matter_session.c.chosen_at.desc()).limit(1))
    return None if row is None else _chosen(row)


async def find(tx: Tx, agency_id: AgencyId, matter_id: str) -> Chosen | None:
    """A choice of the agency."""
    own = (matter_session.c.id == matter_id) & (matter_session.c.agency_id == agency_id)
    row = await tx.row(select(matter_session).where(own))
    return None if row is None else _chosen(row)


async def end(tx: Tx, session: str, at: datetime) -> None:
    """The session has no matter from now on."""
    running = (matter_session.c.session == session) & matter_session.c.ended_at.is_(None)
    await tx.write(update(matter_session).where(running).values(ended_at=at))


async def supply(tx: Tx, matter_id: str, number: str, at: datetime) -> None:
    """The matter's number is known now."""
    values = {"number": number, "number_pending": False, "numbered_at": at}
    await tx.write(update(matter_session).where(matter_session.c.id == matter_id).values(**values))


def _chosen(row: Row[Any]) -> Chosen:
    facts = by_column(row)
    matter = Matter(**{name: facts[name] for name in Matter.__slots__})
    return Chosen(matter=matter, **{name: facts[name] for name in Chosen.__slots__ if name != "matter"})
