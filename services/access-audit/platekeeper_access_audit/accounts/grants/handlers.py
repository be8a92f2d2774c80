"""Other roles for a standing account: in force at once where they narrow, after a second person's word otherwise."""

from dataclasses import replace

from platekeeper_access_audit.accounts import domain, storage
from platekeeper_access_audit.accounts.approvals import handlers as approvals
from platekeeper_access_audit.accounts.approvals.handlers import Access
from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.grants import domain as rules
from platekeeper_access_audit.accounts.grants import storage as kept
from platekeeper_access_audit.accounts.grants.domain import Grant
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.events.access import AccessRecorded, AccessRevoked


async def change(
    tx: Tx, here: AccountsRoom, account_id: str, roles: tuple[str, ...], reason: str, *, by: Caller, place: Place
) -> Grant:
    """Other roles for an account of the own agency; a role that it did not have waits for a second person (B2).

    Raises Refused `not_administrator`, NotFound, Conflict `roles_unchanged`, `account_disabled` or
    `title_not_authorised`, Invalid.
    """
    now = here.clock()
    await tx.lock()
    by = by.acting_for((await incumbents.demand(tx, here, by, Action.ROLES_CHANGE, rules.CLAUSE)).office)
    domain.demand_roles(roles)
    account = await storage.find_account(tx, account_id, by.agency_id)
    domain.demand_enabled(account)
    domain.demand_dated_auditor(roles, account.valid_until, now)
    rules.demand_changed(account, roles)
    await _demand_authorised(tx, here, account, roles)
    waits = rules.widens(account.roles, roles)
    grant = Grant(
        id=ids.new(),
        agency_id=by.agency_id,
        account_id=account.id,
        before=tuple(sorted(account.roles)),
        after=tuple(sorted(set(roles))),
        reason=reason,
        proposed_by=by.subject,
        proposed_by_name=by.name,
        proposed_at=now,
        status="proposed" if waits else "in_force",
        settled_at=None if waits else now,
    )
    await kept.add(tx, grant)
    tx.emit(await _recorded(here, by, Action.ROLES_CHANGE, grant, place))
    if not waits:
        await _put_in_force(tx, here, grant, account, by)
    return grant


async def confirm(tx: Tx, here: AccountsRoom, grant_id: str, *, by: Caller, place: Place) -> Grant:
    """A second person's word puts the roles in force (B2).

    Raises Conflict `same_person`, `second_person_beholden`, `grant_settled`, `roles_moved` or `account_disabled`,
    Refused `not_second_person`, NotFound.
    """
    await tx.lock()
    grant = await kept.find(tx, by.agency_id, grant_id)
    account = await storage.find_account(tx, grant.account_id, by.agency_id)
    domain.demand_enabled(account)
    rules.demand_confirmable(grant, account, by.subject)
    second = await incumbents.demand_second_person(tx, here, by, Action.ROLES_CONFIRM, beside=grant.proposed_by)
    by = by.acting_for(second.office)
    await _demand_authorised(tx, here, account, grant.after)
    await kept.confirm(tx, grant.id, by.subject, by.name, here.clock())
    await _put_in_force(tx, here, grant, account, by)
    tx.emit(await _recorded(here, by, Action.ROLES_CONFIRM, grant, place))
    return await kept.find(tx, by.agency_id, grant_id)


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Grant]:
    """Every grant of the own agency, latest first."""
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_VIEW, "role_grants", by.agency_id, place))
    return await kept.grants(tx, by.agency_id)


async def _demand_authorised(tx: Tx, here: AccountsRoom, account: Account, roles: tuple[str, ...]) -> None:
    """Raise Conflict `title_not_authorised` unless the account's title allows these roles (B5)."""
    agency = await storage.find_agency(tx, account.agency_id)
    await approvals.demand_authorised(tx, here, agency, Access(account.title, roles, account.valid_until))


async def _put_in_force(tx: Tx, here: AccountsRoom, grant: Grant, account: Account, by: Caller) -> None:
    """From the next token on; what says the old roles is worth nothing.

    The last word given approves it, but nobody's the own access (A8).
    """
    agency = await storage.find_agency(tx, grant.agency_id)
    changed = replace(account, roles=grant.after)
    await storage.change_account(tx, grant.account_id, roles=list(grant.after))
    if by.subject == account.id:
        await approvals.narrow(tx, here, changed)
    else:
        await approvals.approve(tx, here, agency, changed, "changed", by)
    tx.emit(AccessRevoked(agency_id=grant.agency_id, before=here.clock(), subject=grant.account_id))


async def _recorded(here: AccountsRoom, by: Caller, act: Action, grant: Grant, place: Place) -> AccessRecorded:
    written = {"before": list(grant.before), "after": list(grant.after), "why": grant.reason, "grant": grant.id}
    return await here.recorder.change(by, act, "account", grant.account_id, place, written)
