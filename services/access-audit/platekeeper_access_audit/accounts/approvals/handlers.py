"""Giving, reviewing and ending access."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from platekeeper_access_audit.accounts import domain as accounts
from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import profile_of
from platekeeper_access_audit.accounts.approvals import domain, storage
from platekeeper_access_audit.accounts.approvals.domain import Approval, Occasion
from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.policy import ApprovalsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions.handlers import end_all
from platekeeper_access_audit.accounts.titles import domain as titles
from platekeeper_access_audit.accounts.titles import handlers as register
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.authorization import reaches_all
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.rules import ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody is given: the title, the roles and, for a contractor, the end."""

    title: str
    roles: tuple[str, ...]
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An account with its approval in force, and how that stands."""

    account: Account
    approval: Approval | None
    standing: domain.Standing


async def demand_authorised(tx: Tx, here: AccountsRoom, agency: Agency, access: Access) -> None:
    """Raise Conflict `title_not_authorised` unless the register allows it (B5)."""
    standing = await register.register(tx, here, agency)
    titles.demand_authorised(standing, access.title, access.roles, access.valid_until, here.clock())


async def approve(
    tx: Tx, here: AccountsRoom, agency: Agency, account: Account, occasion: Occasion, by: Caller
) -> Approval:
    """Keep that the caller approved the account's access as it stands, to be reviewed in due time (A8)."""
    now = here.clock()
    new = Approval(
        id=ids.new(),
        agency_id=agency.id,
        account_id=account.id,
        approver=by.subject,
        approver_name=by.name,
        approver_title=by.title,
        title=account.title,
        scope=account.roles,
        occasion=occasion,
        given_at=now,
        review_by=_policy(here, agency).access_review.after(now),
    )
    await storage.put(tx, new, now)
    return new


async def narrow(tx: Tx, here: AccountsRoom, account: Account) -> None:
    """The person gave up some of the own roles: who approved the access, and until when, stays as it is (A8)."""
    before = await storage.of_account(tx, account.id)
    if before is not None:
        await storage.put(tx, replace(before, id=ids.new(), scope=account.roles), here.clock())


async def change(tx: Tx, here: AccountsRoom, account_id: str, access: Access, *, by: Caller, place: Place) -> Account:
    """Give the account another title, fewer roles or another end; its tokens are worth nothing from now on.

    Raises NotFound, Conflict `account_disabled`, `title_not_authorised` or `roles_widen` (B2), Refused `self_approval`
    or `not_administrator`, Invalid `role_unknown`.
    """
    accounts.demand_roles(access.roles)
    await tx.lock()
    account = await people.find_account(tx, account_id, _reach(by, Action.ACCESS_APPROVE))
    accounts.demand_enabled(account)
    domain.demand_reviewer(by, account, in_office=await _in_office(tx, here, by))
    agency = await people.find_agency(tx, account.agency_id)
    await demand_authorised(tx, here, agency, access)
    domain.demand_not_wider(account, access.roles)
    accounts.demand_dated_auditor(access.roles, access.valid_until, here.clock())
    changed = replace(account, title=access.title, roles=access.roles, valid_until=access.valid_until)
    given = {"title": changed.title, "roles": list(changed.roles), "valid_until": changed.valid_until}
    await people.change_account(tx, account.id, **given)
    await approve(tx, here, agency, changed, "changed", by)
    await end_all(tx, here, account.id, account.agency_id, "access_changed")
    written = {"before": _told(account), "after": _told(changed)}
    tx.emit(await here.recorder.change(by, Action.ACCESS_APPROVE, "account", account.id, place, written))
    return changed


async def review(
    tx: Tx, here: AccountsRoom, account_ids: Collection[str], *, by: Caller, place: Place
) -> list[Approval]:
    """Approve the access of these people anew, as it stands, until the next review: all of them or none.

    Raises NotFound, Conflict `account_disabled` or `title_not_authorised`, Refused `self_approval` or
    `not_administrator`.
    """
    await tx.lock()
    in_office = await _in_office(tx, here, by)
    given = []
    for account_id in account_ids:
        account = await people.find_account(tx, account_id, _reach(by, Action.ACCESS_APPROVE))
        accounts.demand_enabled(account)
        domain.demand_reviewer(by, account, in_office=in_office)
        agency = await people.find_agency(tx, account.agency_id)
        await demand_authorised(tx, here, agency, Access(account.title, account.roles, account.valid_until))
        given.append(await approve(tx, here, agency, account, "reviewed", by))
        tx.emit(here.recorder.administration(by, Action.ACCESS_APPROVE, "account", account.id, place))
    return given


async def listed(tx: Tx, here: AccountsRoom, asked: str | None, *, by: Caller, place: Place) -> list[Reviewed]:
    """The agency's open accounts with their approvals, the longest overdue first."""
    agency = await people.find_agency(tx, accounts.agency_for(by, asked, Action.APPROVAL_VIEW))
    tx.emit(here.recorder.administration(by, Action.APPROVAL_VIEW, "access_approvals", agency.id, place))
    return await reviewed(tx, here, agency)


async def reviewed(tx: Tx, here: AccountsRoom, agency: Agency) -> list[Reviewed]:
    """The same, for those who need no record."""
    policy, now = _policy(here, agency), here.clock()
    approvals = await storage.of_agency(tx, agency.id)
    found = [
        Reviewed(one, approvals.get(one.id), domain.standing(approvals.get(one.id), policy, now))
        for one in await people.accounts(tx, agency.id)
        if one.disabled_at is None
    ]
    return sorted(found, key=lambda one: (one.approval is not None, (one.approval and one.approval.review_by) or now))


async def separate(tx: Tx, here: AccountsRoom, account_id: str, *, by: Caller, place: Place) -> Account:
    """The person has left: no sign-on, no token, no post, no approval from this moment on (A8).

    An account that was disabled before can still be marked. Raises NotFound, Conflict `own_account` or
    `account_separated`, Refused `not_administrator` for somebody in office (B2).
    """
    await tx.lock()
    account = await people.find_account(tx, account_id, _reach(by, Action.ACCOUNT_SEPARATE))
    accounts.demand_other(by, account)
    domain.demand_present(account)
    by = await incumbents.demand_over(tx, here, by, account, Action.ACCOUNT_SEPARATE)
    now = here.clock()
    left = replace(account, separated_at=now, disabled_at=account.disabled_at or now, disabled_because=None)
    gone = {"separated_at": now, "disabled_at": left.disabled_at, "disabled_because": None}
    await people.change_account(tx, account.id, **gone)
    await people.end_terms_of(tx, account.id, now)
    await storage.end(tx, account.id, now)
    await end_all(tx, here, account.id, account.agency_id, "separated")
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_SEPARATE, "account", account.id, place))
    return left


async def _in_office(tx: Tx, here: AccountsRoom, by: Caller) -> bool:
    """Whether the caller acts for the administrator's post today, as holder, delegate or while it is vacant."""
    if accounts.is_platform(by):
        return False
    agency = await people.find_agency(tx, by.agency_id)
    found = await incumbents.who_may(tx, here, agency, ADMINISTRATOR, Action.ACCESS_APPROVE)
    return any(one.account_id == by.subject for one in found)


def _reach(by: Caller, action: Action) -> AgencyId | None:
    """Whose accounts the caller may do it to; None: anyone's."""
    return None if reaches_all(by, action) else by.agency_id


def _policy(here: AccountsRoom, agency: Agency) -> ApprovalsPolicy:
    return profile_of(here, agency).section(ApprovalsPolicy)


def _told(account: Account) -> dict[str, Any]:
    end = account.valid_until
    return {"title": account.title, "roles": list(account.roles), "valid_until": end and f"{end:%Y-%m-%dT%H:%M:%SZ}"}
