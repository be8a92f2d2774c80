"""Queries of posts: terms as they are set, and delegations. The tables stand in accounts' own `storage.py`."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, select, update

from platekeeper_access_audit.accounts.offices.domain import Delegation
from platekeeper_access_audit.accounts.storage import Term, account, delegation, post_term
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import by_column


async def set_term(tx: Tx, term_id: str, agency_id: AgencyId, new: Term, *, set_by: str) -> None:
    """The account holds the post from then on; whoever held it does so until then."""
    await end_term(tx, agency_id, new.post, new.since)
    row = {
        "id": term_id,
        "agency_id": agency_id,
        "post": new.post,
        "account_id": new.account_id,
        "held_from": new.since,
        "title": new.title,
        "set_by": set_by,
    }
    await tx.write(post_term.insert().values(**row))


async def end_term(tx: Tx, agency_id: AgencyId, post: str, at: datetime) -> None:
    """Nobody holds the post from then on; a term that was to begin then or later is forgotten."""
    own = (post_term.c.agency_id == agency_id) & (post_term.c.post == post)
    await tx.write(delete(post_term).where(own & (post_term.c.held_from >= at)))
    runs = post_term.c.held_until.is_(None) | (post_term.c.held_until > at)
    await tx.write(update(post_term).where(own & runs).values(held_until=at))


async def reopen_term(tx: Tx, agency_id: AgencyId, post: str, now: datetime) -> None:
    """Whoever holds the post keeps it: what was set for later is forgotten."""
    own = (post_term.c.agency_id == agency_id) & (post_term.c.post == post)
    await tx.write(delete(post_term).where(own & (post_term.c.held_from > now)))
    await tx.write(update(post_term).where(own & (post_term.c.held_until > now)).values(held_until=None))


async def add_delegation(tx: Tx, new: Delegation) -> None:
    """Keep it."""
    values = asdict(new)
    del values["name"]
    await tx.write(delegation.insert().values(**values))


async def delegations(tx: Tx, agency_id: AgencyId) -> list[Delegation]:
    """Every delegation of the agency, latest first: those to come, in force, ended and revoked."""
    rows = await tx.rows(_wanted(agency_id).order_by(delegation.c.given_at.desc(), delegation.c.id.desc()))
    return [_delegation(row) for row in rows]


async def delegations_in_force(tx: Tx, agency_id: AgencyId, now: datetime) -> list[Delegation]:
    """Those that give somebody something now; a disabled account gets nothing."""
    runs = (delegation.c.begins_at <= now) & (delegation.c.ends_at > now) & delegation.c.revoked_at.is_(None)
    rows = await tx.rows(_wanted(agency_id).where(runs & account.c.disabled_at.is_(None)))
    return [_delegation(row) for row in rows]


async def find_delegation(tx: Tx, agency_id: AgencyId, delegation_id: str) -> Delegation:
    """One of the agency's. Raises NotFound `delegation_unknown`."""
    row = await tx.row(_wanted(agency_id).where(delegation.c.id == delegation_id))
    if row is None:
        raise NotFound("no such delegation", code="delegation_unknown")
    return _delegation(row)


async def revoke_delegation(tx: Tx, delegation_id: str, at: datetime) -> None:
    """It gives nothing any more."""
    await tx.write(update(delegation).where(delegation.c.id == delegation_id).values(revoked_at=at))


def _wanted(agency_id: AgencyId) -> Select[Any]:
    named = select(delegation, account.c.name).join(account, account.c.id == delegation.c.account_id)
    return named.where(delegation.c.agency_id == agency_id)


def _delegation(row: Row[Any]) -> Delegation:
    fields = dict(by_column(row))
    return Delegation(**(fields | {"acts": tuple(fields["acts"])}))
