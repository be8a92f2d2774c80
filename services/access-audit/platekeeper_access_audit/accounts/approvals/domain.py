"""The rules of approvals: who gives them, how long they hold, and what an account may at sign-on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platekeeper_access_audit.accounts.domain import Account, is_platform
from platekeeper_access_audit.accounts.policy import ApprovalsPolicy
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Refused
from platekeeper_common.ids import AgencyId

Occasion = Literal["opened", "changed", "reviewed", "carried_over"]
"""Why an approval was given; `carried_over`: to accounts that are older than approvals."""
Standing = Literal["current", "due", "overdue", "suspended", "missing"]
"""`due`: within the warning; `overdue`: after the review date; `suspended`: beyond the grace, no plate data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approved whose access, to what, until when it is to be reviewed (A8)."""

    id: str
    agency_id: AgencyId
    account_id: str
    approver: str
    approver_name: str
    approver_title: str | None
    title: str
    scope: tuple[str, ...]
    """The roles that were approved."""
    occasion: Occasion
    given_at: datetime
    review_by: datetime


@dataclass(frozen=True, slots=True)
class Admission:
    """Until when training and approval open plate data, as a sign-on finds them."""

    training_until: datetime | None = None
    approved_until: datetime | None = None


def holds_until(approval: Approval | None, account: Account, policy: ApprovalsPolicy) -> datetime | None:
    """Until when the approval opens plate data: review date and grace, and never beyond the account's own end."""
    if approval is None:
        return None
    until = approval.review_by + policy.review_grace
    return until if account.valid_until is None else min(until, account.valid_until)


def standing(approval: Approval | None, policy: ApprovalsPolicy, now: datetime) -> Standing:
    """How the approval stands to its review."""
    if approval is None:
        return "missing"
    if now >= approval.review_by + policy.review_grace:
        return "suspended"
    if now >= approval.review_by:
        return "overdue"
    return "due" if now >= approval.review_by - policy.review_warning else "current"


def demand_reviewer(by: Caller, account: Account, *, in_office: bool) -> None:
    """Raise Refused `self_approval` or `not_administrator` unless the caller may approve this person's access (A8).

    The platform's administrator approves an agency's administrators, whom nobody in the agency may stand above.
    """
    if by.subject == account.id:
        raise Refused("another approver reviews your access", code="self_approval", clause="A8")
    if not (in_office or (is_platform(by) and "administrator" in account.roles)):
        detail = "only who holds the administrator's post approves access; the platform's approves an administrator's"
        raise Refused(detail, code="not_administrator", clause="A8")


def demand_not_wider(account: Account, roles: Collection[str]) -> None:
    """Raise Conflict `roles_widen` for a role that the account does not have: two persons give it (B2)."""
    if wider := set(roles) - set(account.roles):
        detail = f"two persons give {', '.join(sorted(wider))}: PUT /v1/accounts/{{id}}/roles, once the title allows it"
        raise Conflict(detail, code="roles_widen", clause="B2")


def demand_present(account: Account) -> None:
    """Raise Conflict `account_separated` when the person has left before."""
    if account.separated_at is not None:
        raise Conflict("the person has left the department already", code="account_separated", clause="A8")
