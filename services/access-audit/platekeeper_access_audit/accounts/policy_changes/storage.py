"""Tables and queries of policy changes and versions. A version is never changed."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Integer, Row, String, Table, Text, select, update

from platekeeper_access_audit.accounts.policy_changes.domain import Change, Version
from platekeeper_access_audit.accounts.policy_changes.settings import Difference
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

policy_change = Table(
    "policy_change",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, ForeignKey("agency.id"), nullable=False, index=True),
    Column("base_version", String, nullable=False),
    Column("version", String, nullable=False),
    Column("document", Text, nullable=False),
    Column("differences", JSON, nullable=False),
    Column("reason", String, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("proposed_by_name", String, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("status", String, nullable=False),
    Column("settled_by", String, nullable=True),
    Column("settled_by_name", String, nullable=True),
    Column("settled_at", Moment, nullable=True),
)
policy_version = Table(
    "policy_version",
    tables,
    Column("agency_id", String, ForeignKey("agency.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("origin", String, nullable=False),
    Column("version", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("document", Text, nullable=False),
    Column("adopted_at", Moment, nullable=False),
    Column("change_id", String, nullable=True),
    Column("proposed_by", String, nullable=True),
    Column("confirmed_by", String, nullable=True),
    Column("previous_sha256", String, nullable=True),
    Column("note", Text, nullable=False),
    Column("verifier_key", String, nullable=False),
)


async def add_change(tx: Tx, new: Change) -> None:
    """Keep a proposal."""
    await tx.write(policy_change.insert().values(**asdict(new)))


async def settle(tx: Tx, change_id: str, status: str, by: str, name: str, at: datetime) -> None:
    """Keep what became of it."""
    own = policy_change.c.id == change_id
    values = {"status": status, "settled_by": by, "settled_by_name": name, "settled_at": at}
    await tx.write(update(policy_change).where(own).values(**values))


async def find_change(tx: Tx, agency_id: AgencyId, change_id: str) -> Change:
    """One of the agency's. Raises NotFound `policy_change_unknown`."""
    own = (policy_change.c.agency_id == agency_id) & (policy_change.c.id == change_id)
    row = await tx.row(select(policy_change).where(own))
    if row is None:
        raise NotFound("no such policy change", code="policy_change_unknown")
    return _change(row)


async def changes(tx: Tx, agency_id: AgencyId) -> list[Change]:
    """All of the agency's, latest first."""
    wanted = select(policy_change).where(policy_change.c.agency_id == agency_id)
    rows = await tx.rows(wanted.order_by(policy_change.c.proposed_at.desc(), policy_change.c.id.desc()))
    return [_change(row) for row in rows]


async def add_version(tx: Tx, new: Version) -> None:
    """Keep it. Raises IntegrityError when the number is taken."""
    await tx.write(policy_version.insert().values(**asdict(new)))


async def versions(tx: Tx, agency_id: AgencyId) -> list[Version]:
    """All of the agency's, latest first."""
    wanted = select(policy_version).where(policy_version.c.agency_id == agency_id)
    rows = await tx.rows(wanted.order_by(policy_version.c.number.desc()))
    return [Version(**by_column(row)) for row in rows]


async def latest(tx: Tx, agency_id: AgencyId) -> Version | None:
    """The agency's last version."""
    wanted = select(policy_version).where(policy_version.c.agency_id == agency_id)
    row = await tx.row(wanted.order_by(policy_version.c.number.desc()).limit(1))
    return None if row is None else Version(**by_column(row))


def _change(row: Row[Any]) -> Change:
    fields = dict(by_column(row))
    return Change(**(fields | {"differences": tuple(Difference(**one) for one in fields["differences"])}))
