"""The rules of role grants: what widens access, and who confirms it (B2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platekeeper_access_audit.accounts.domain import Account
from platekeeper_common.errors import Conflict
from platekeeper_common.ids import AgencyId

CLAUSE = "B2"
Status = Literal["proposed", "in_force", "superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Other roles for an account, and what became of the proposal."""

    id: str
    agency_id: AgencyId
    account_id: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    reason: str
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime
    status: Status
    confirmed_by: str | None = None
    confirmed_by_name: str | None = None
    settled_at: datetime | None = None


def widens(before: Collection[str], after: Collection[str]) -> bool:
    """Whether the account gets a role that it does not have."""
    return bool(set(after) - set(before))


def demand_changed(account: Account, roles: Collection[str]) -> None:
    """Raise Conflict `roles_unchanged`."""
    if set(account.roles) == set(roles):
        raise Conflict("the account has exactly these roles already", code="roles_unchanged", clause=CLAUSE)


def demand_confirmable(grant: Grant, account: Account, by: str) -> None:
    """Raise Conflict `grant_settled`, `same_person` or `roles_moved` unless the caller may confirm it now."""
    if grant.status != "proposed":
        raise Conflict(f"the grant is {grant.status}", code="grant_settled", clause=CLAUSE)
    if by in (grant.proposed_by, grant.account_id):
        detail = "two persons widen access: neither who proposed it nor who gets it confirms it"
        raise Conflict(detail, code="same_person", clause=CLAUSE)
    if set(account.roles) != set(grant.before):
        detail = "the account's roles are others than those that the grant was proposed for; propose it anew"
        raise Conflict(detail, code="roles_moved", clause=CLAUSE)
