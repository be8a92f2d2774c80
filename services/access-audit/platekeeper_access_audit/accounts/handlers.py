"""Accounts of people, as administrators open, reset and disable them; the credentials of devices, as the register says.

One transaction each, with its access record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from platekeeper_access_audit.accounts import attempts, domain, storage
from platekeeper_access_audit.accounts.approvals import handlers as approvals
from platekeeper_access_audit.accounts.approvals.domain import demand_present
from platekeeper_access_audit.accounts.approvals.handlers import Access
from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.hands import handlers as hands
from platekeeper_access_audit.accounts.issuers import storage as issuers
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.own_notices import storage as notices
from platekeeper_access_audit.accounts.passkeys import storage as passkeys
from platekeeper_access_audit.accounts.passwords import one_time_password
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.second_factors import handlers as second_factors
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_access_audit.accounts.sessions.handlers import end_all
from platekeeper_access_audit.accounts.sign_on import username_digest
from platekeeper_access_audit.accounts.training import report
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.authorization import reaches_all
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict
from platekeeper_common.events.access import AccessRevoked
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.ids import PLATFORM, PLATFORM_NAME, AgencyId
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR

FIRST_ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """Who gets an account."""

    username: str
    name: str
    title: str
    roles: tuple[str, ...]
    valid_until: datetime | None = None
    """A contractor's end (B5)."""


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """A new or reset account, and the password that is shown only now."""

    account: Account
    one_time_password: str


async def create_first_administrator(here: AccountsRoom) -> str | None:
    """The one-time password of the account `admin`, made when there is no account at all; otherwise None."""
    password = one_time_password()
    hashed = await here.passwords.hash(password)
    new = NewAccount(
        username=FIRST_ADMINISTRATOR, name="Administrator", title="Administrator", roles=(PLATFORM_ADMINISTRATOR,)
    )
    async with here.db.tx() as tx:
        await tx.lock()
        if await storage.any_account(tx):
            return None
        account = _account(here, new, PLATFORM, hashed, synthetic=False)
        await storage.add_account(tx, account)
        first_start = Caller(
            kind="person",
            subject=account.id,
            agency_id=PLATFORM,
            username=account.username,
            name="First start",
            organisation=PLATFORM_NAME,
            issued_at=here.clock(),
            expires_at=here.clock(),
        )
        tx.emit(here.recorder.administration(first_start, Action.ACCOUNT_OPEN, "account", account.id, Place()))
    return password


async def open_account(
    tx: Tx, here: AccountsRoom, new: NewAccount, asked: str | None, *, by: Caller, place: Place
) -> OpenedAccount:
    """Open an account with a one-time password; the opener approves its access by that (A8).

    Raises NotFound, Conflict `username_taken` or `title_not_authorised`, Refused `not_administrator`, Invalid.
    """
    domain.demand_roles(new.roles)
    agency = await storage.find_agency(tx, domain.agency_for(by, asked, Action.ACCOUNT_OPEN))
    domain.demand_open(agency)
    password = one_time_password()
    hashed = await here.passwords.hash(password)
    await tx.lock()
    if not domain.is_platform(by):
        by = by.acting_for((await incumbents.demand(tx, here, by, Action.ACCOUNT_OPEN, "B2")).office)
    people = await storage.accounts(tx, agency.id)
    first = not any("administrator" in one.roles and one.disabled_at is None for one in people)
    domain.demand_opener(by, new.roles, has_administrator=not first)
    await approvals.demand_authorised(tx, here, agency, Access(new.title, new.roles, new.valid_until))
    domain.demand_dated_auditor(new.roles, new.valid_until, here.clock())
    account = _account(here, new, agency.id, hashed, synthetic=agency.synthetic)
    try:
        await storage.add_account(tx, account)
    except IntegrityError as error:
        raise Conflict(f"the username {new.username} is taken", code="username_taken") from error
    await hands.laid(tx, here, account.id, agency.id, "opened", by=by)
    await approvals.approve(tx, here, agency, account, "opened", by)
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_OPEN, "account", account.id, place))
    return OpenedAccount(account, password)


async def accounts(
    tx: Tx, here: AccountsRoom, asked: str | None, *, by: Caller, place: Place
) -> tuple[list[Account], Mapping[str, datetime]]:
    """The agency's accounts, and until when the training of each is valid, by account id."""
    agency = await storage.find_agency(tx, domain.agency_for(by, asked, Action.ACCOUNT_VIEW))
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_VIEW, "accounts", agency.id, place))
    lines = await report.lines(tx, here, agency)
    trained = {line.account.id: line.training_until for line in lines if line.training_until is not None}
    return [line.account for line in lines], trained


async def disable_account(tx: Tx, here: AccountsRoom, account_id: str, *, by: Caller, place: Place) -> Account:
    """Shut the account for good; its tokens are worth nothing and its posts vacant.

    Raises NotFound, Conflict, Refused `not_administrator` for somebody in office (B2).
    """
    await tx.lock()
    account = await storage.find_account(tx, account_id, _own(by, Action.ACCOUNT_DISABLE))
    domain.demand_other(by, account)
    if account.disabled_because != domain.SUSPENDED:
        domain.demand_enabled(account)
    by = await incumbents.demand_over(tx, here, by, account, Action.ACCOUNT_DISABLE)
    now = here.clock()
    await storage.change_account(tx, account.id, disabled_at=now, disabled_because=None)
    await storage.end_terms_of(tx, account.id, now)
    await end_all(tx, here, account.id, account.agency_id, "account_disabled")
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_DISABLE, "account", account.id, place))
    return replace(account, disabled_at=now)


async def suspend_account(tx: Tx, here: AccountsRoom, account_id: str, *, by: Caller, place: Place) -> None:
    """Shut the account until a reset opens it: one that is stolen, whoever's it is. Its posts stay held (B2, G2).

    Raises NotFound, Conflict `own_account` or `account_disabled`.
    """
    await tx.lock()
    account = await storage.find_account(tx, account_id, _own(by, Action.ACCOUNT_SUSPEND))
    domain.demand_other(by, account)
    domain.demand_enabled(account)
    shut = {"disabled_at": here.clock(), "disabled_because": domain.SUSPENDED}
    await storage.change_account(tx, account.id, **shut)
    await end_all(tx, here, account.id, account.agency_id, "account_suspended")
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_SUSPEND, "account", account.id, place))


async def reset_account(tx: Tx, here: AccountsRoom, account_id: str, *, by: Caller, place: Place) -> OpenedAccount:
    """A fresh one-time password and nothing else to sign on with, no lock: for who lost them, or was long away.

    Whoever hands out the password could sign on as its person: that of somebody in office is the administrator's in
    office to hand out (B2). Raises NotFound, Conflict, Refused.
    """
    password = one_time_password()
    hashed = await here.passwords.hash(password)
    await tx.lock()
    account = await storage.find_account(tx, account_id, _own(by, Action.ACCOUNT_RESET))
    domain.demand_other(by, account)
    demand_present(account)
    if account.disabled_because not in (domain.DORMANT, domain.SUSPENDED):
        domain.demand_enabled(account)
    domain.demand_resetter(by, account)
    if not domain.is_platform(by) and await incumbents.bound(tx, here, account):
        by = by.acting_for((await incumbents.demand(tx, here, by, Action.ACCOUNT_RESET, "B2")).office)
    awake = {"disabled_at": None, "disabled_because": None, "last_signed_on_at": here.clock()}
    await storage.change_account(tx, account.id, password_hash=hashed, must_change=True, **awake)
    await hands.laid(tx, here, account.id, account.agency_id, "reset", by=by)
    await second_factors.forget(tx, account.id)
    await passkeys.remove_all(tx, account.id)
    await issuers.unlink(tx, account.id)
    await notices.forget_devices(tx, account.id)
    await attempts.forget_all(tx, username_digest(here, account.username))
    await end_all(tx, here, account.id, account.agency_id, "account_reset")
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_RESET, "account", account.id, place))
    return OpenedAccount(account, password)


async def unlock_account(tx: Tx, here: AccountsRoom, account_id: str, *, by: Caller, place: Place) -> None:
    """Release the username before its time, as an administrator in a running session (G2).

    Raises NotFound, Conflict `own_account`, Refused `not_administrator`, Unauthenticated `session_ended` or
    `session_locked`.
    """
    await sessions.held(tx, here, by)
    account = await storage.find_account(tx, account_id, _own(by, Action.ACCOUNT_UNLOCK))
    domain.demand_other(by, account)
    domain.demand_resetter(by, account)
    await attempts.forget_all(tx, username_digest(here, account.username))
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_UNLOCK, "account", account.id, place))


async def take_device(here: AccountsRoom, changed: DeviceChanged) -> None:
    """Follow the register of devices: whose secret opens what (B1). A retired one's tokens are worth nothing either.

    Safe to run twice.
    """
    async with here.db.tx() as tx:
        if await storage.put_device(tx, changed):
            tx.emit(AccessRevoked(agency_id=changed.agency_id, before=here.clock(), subject=changed.device_id))


def _own(by: Caller, action: Action) -> AgencyId | None:
    """Whose accounts the caller may do it to; None: anyone's. Of others nobody is told whether they exist."""
    return None if reaches_all(by, action) else by.agency_id


def _account(here: AccountsRoom, new: NewAccount, agency_id: AgencyId, hashed: str, *, synthetic: bool) -> Account:
    return Account(
        id=ids.new(),
        agency_id=agency_id,
        username=new.username,
        name=new.name,
        title=new.title,
        roles=new.roles,
        password_hash=hashed,
        must_change=True,
        opened_at=here.clock(),
        synthetic=synthetic,
        valid_until=new.valid_until,
    )
