"""Approvals of access; earlier ones of the same account are kept."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, Row, String, Table, select, update

from platekeeper_access_audit.accounts.approvals.domain import Approval
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

access_approval = Table(
    "access_approval",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False),
    Column("account_id", String, ForeignKey("account.id"), nullable=False, index=True),
    Column("approver", String, nullable=False),
    Column("approver_name", String, nullable=False),
    Column("approver_title", String, nullable=True),
    Column("title", String, nullable=False),
    Column("scope", JSON, nullable=False, comment="the roles that were approved"),
    Column("occasion", String, nullable=False),
    Column("given_at", Moment, nullable=False),
    Column("review_by", Moment, nullable=False),
    Column("ended_at", Moment, nullable=True),
)
Index(
    "access_approval_now",
    access_approval.c.account_id,
    unique=True,
    sqlite_where=access_approval.c.ended_at.is_(None),
    postgresql_where=access_approval.c.ended_at.is_(None),
)


async def put(tx: Tx, new: Approval, at: datetime) -> None:
    """The approval in force from then on, in place of the one before."""
    await end(tx, new.account_id, at)
    await tx.write(access_approval.insert().values(**(asdict(new) | {"scope": list(new.scope)})))


async def end(tx: Tx, account_id: str, at: datetime) -> None:
    """No approval is in force from then on."""
    standing = (access_approval.c.account_id == account_id) & access_approval.c.ended_at.is_(None)
    await tx.write(update(access_approval).where(standing).values(ended_at=at))


async def of_account(tx: Tx, account_id: str) -> Approval | None:
    """The approval in force."""
    own = (access_approval.c.account_id == account_id) & access_approval.c.ended_at.is_(None)
    row = await tx.row(select(access_approval).where(own))
    return None if row is None else _approval(row)


async def of_agency(tx: Tx, agency_id: AgencyId) -> Mapping[str, Approval]:
    """The approvals in force, by account."""
    own = (access_approval.c.agency_id == agency_id) & access_approval.c.ended_at.is_(None)
    return {row.account_id: _approval(row) for row in await tx.rows(select(access_approval).where(own))}


def _approval(row: Row[Any]) -> Approval:
    fields = dict(by_column(row))
    del fields["ended_at"]
    return Approval(**(fields | {"scope": tuple(fields["scope"])}))
