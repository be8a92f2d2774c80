"""The table of matter sessions whose number is owed, or came before the ledger heard of it (A8)."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, String, Table, delete, select, update

from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

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


async def since(tx: Tx, agency_id: AgencyId, before: datetime) -> list[Owed]:
    """Sessions whose number has been owed since before then and has not come."""
    table = owed_number.c
    mine = (table.agency_id == agency_id, table.since <= before, table.given_at.is_(None))
    columns = [table[name] for name in Owed.__slots__]
    return [Owed(**by_column(row)) for row in await tx.rows(select(*columns).where(*mine))]


async def forget(tx: Tx, agency_id: AgencyId, sessions: Iterable[str]) -> None:
    """Forget that these sessions owe their number.

    Those whose number came are kept for good: a release request that was filed while it was owed says so for ever.
    """
    table = owed_number.c
    queued = table.matter_session.in_(list(sessions))
    await tx.write(delete(owed_number).where(table.agency_id == agency_id, queued))


async def _owed(tx: Tx, agency_id: AgencyId, matter_session: str) -> Row[Any] | None:
    return await tx.row(select(owed_number).where(*_session(agency_id, matter_session)))


def _session(agency_id: AgencyId, matter_session: str) -> tuple[Any, Any]:
    return owed_number.c.agency_id == agency_id, owed_number.c.matter_session == matter_session
