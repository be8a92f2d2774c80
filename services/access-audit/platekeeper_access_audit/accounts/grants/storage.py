"""Table and queries of role grants. Nothing is deleted."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Row, String, Table, select, update

from platekeeper_access_audit.accounts.grants.domain import Grant
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

role_grant = Table(
    "role_grant",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False, index=True),
    Column("account_id", String, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("reason", String, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("proposed_by_name", String, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("status", String, nullable=False),
    Column("confirmed_by", String, nullable=True),
    Column("confirmed_by_name", String, nullable=True),
    Column("settled_at", Moment, nullable=True),
)


async def add(tx: Tx, new: Grant) -> None:
    """Keep it; what was proposed for the account before is superseded."""
    open_before = (role_grant.c.account_id == new.account_id) & (role_grant.c.status == "proposed")
    await tx.write(update(role_grant).where(open_before).values(status="superseded", settled_at=new.proposed_at))
    await tx.write(role_grant.insert().values(**asdict(new)))


async def confirm(tx: Tx, grant_id: str, by: str, name: str, at: datetime) -> None:
    """Keep whose word put it in force."""
    values = {"status": "in_force", "confirmed_by": by, "confirmed_by_name": name, "settled_at": at}
    await tx.write(update(role_grant).where(role_grant.c.id == grant_id).values(**values))


async def find(tx: Tx, agency_id: AgencyId, grant_id: str) -> Grant:
    """One of the agency's. Raises NotFound `grant_unknown`."""
    row = await tx.row(select(role_grant).where(role_grant.c.agency_id == agency_id, role_grant.c.id == grant_id))
    if row is None:
        raise NotFound("no such role grant", code="grant_unknown")
    return _grant(row)


async def grants(tx: Tx, agency_id: AgencyId) -> list[Grant]:
    """All of the agency's, latest first."""
    wanted = select(role_grant).where(role_grant.c.agency_id == agency_id)
    rows = await tx.rows(wanted.order_by(role_grant.c.proposed_at.desc(), role_grant.c.id.desc()))
    return [_grant(row) for row in rows]


def _grant(row: Row[Any]) -> Grant:
    fields = dict(by_column(row))
    return Grant(**(fields | {"before": tuple(fields["before"]), "after": tuple(fields["after"])}))
