"""A session begins with a sign-on of any kind: what the person must hold, which device and seat it is, what is told."""

from dataclasses import dataclass
from datetime import datetime

from platekeeper_access_audit.accounts import storage as accounts
from platekeeper_access_audit.accounts.acceptances import handlers as acceptances
from platekeeper_access_audit.accounts.approvals import admission
from platekeeper_access_audit.accounts.approvals.domain import Admission
from platekeeper_access_audit.accounts.domain import Account, demand_awake, demand_enabled, demand_valid
from platekeeper_access_audit.accounts.own_notices import storage as notices
from platekeeper_access_audit.accounts.policy import SessionsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import domain, storage
from platekeeper_access_audit.accounts.sessions.domain import Session, digest
from platekeeper_access_audit.accounts.sessions.handlers import end_sessions
from platekeeper_access_audit.accounts.sessions.tokens import Begun, caller_of, known, policy_for
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Terminal
from platekeeper_common.db import Tx
from platekeeper_common.errors import PlatekeeperError
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import PLATFORM


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOn:
    """How somebody signs on, and from where."""

    methods: tuple[str, ...]
    """What the person has just shown (RFC 8176)."""
    place: Place
    terminal: Terminal | None = None
    position: Position | None = None
    device_token: str | None = None
    """By which the device is known; None: it shows none."""
    cookie: bool = False
    """A browser keeps the refresh token."""
    accept_policy: str | None = None
    """The SHA-256 of the agency's published policy, where it is new to the person (B4)."""


async def begin(tx: Tx, here: AccountsRoom, account: Account, how: SigningOn) -> Begun:
    """The session of a person who has just shown to be the account's; its record in `tx`.

    Every kind of sign-on ends here: password, passkey, trusted issuer. Training and approval on file now ride in the
    session (A8, C2), and the policy that the agency has published is accepted (B4). A device that the account was not
    used from, or a terminal implausibly far from another session's, needs more than a password and leaves a notice
    (A3); the account's first sign-on makes its device known. A car's last session ends.

    Raises Conflict `account_disabled` or `agency_closed`, Refused `account_expired`, `account_dormant`,
    `training_missing` (C1), `shared_account` (A3), `policy_not_accepted` (B4).
    """
    now = here.clock()
    demand_enabled(account)
    demand_valid(account, now)
    policy = await policy_for(tx, here, account.agency_id)
    if account.agency_id != PLATFORM:  # nobody could let its last administrator in again
        demand_awake(account, policy.dormant_after, now)
    admitted = await admission.at_sign_on(tx, here, account)
    domain.demand_training(how.terminal, account.roles, admitted.training_until, now)
    fresh_device = await _know_device(tx, here, account, how, policy)
    if how.terminal is not None:
        await _take_seat(tx, here, account, how.terminal)
    refresh_token = domain.new_refresh_token()
    begun = _session(account, how, policy, admitted, digest(refresh_token), now)
    await storage.add(tx, begun)
    await accounts.change_account(tx, account.id, last_signed_on_at=now)
    caller = await caller_of(tx, here, begun, account)
    await acceptances.demand(tx, here, caller, how.accept_policy, how.place)
    tx.emit(here.recorder.administration(caller, Action.LOGIN, "account", account.id, how.place))
    return Begun(begun, caller, refresh_token, fresh_device)


async def refused(
    tx: Tx, here: AccountsRoom, account: Account, action: Action, error: PlatekeeperError, place: Place
) -> AccessRecorded:
    """The record of a sign-on of any kind, or an unlocking, that was refused at the account."""
    outcome = {"outcome": "refused", "code": error.code, "clause": error.clause}
    if error.code == "shared_account":
        await _notify(tx, here, account, "strange_login_refused", place)
    caller = await known(tx, here, account)
    return here.recorder.administration(caller, action, "account", account.id, place, **outcome)


def _session(
    account: Account, how: SigningOn, policy: SessionsPolicy, admitted: Admission, refresh_sha256: str, now: datetime
) -> Session:
    return Session(
        id=ids.new(),
        account_id=account.id,
        agency_id=account.agency_id,
        began_at=now,
        until=now + policy.reauthenticate_after,
        acted_at=now,
        methods=how.methods,
        refresh_sha256=refresh_sha256,
        cookie=how.cookie,
        training_until=admitted.training_until,
        approved_until=admitted.approved_until,
        terminal=how.terminal,
        position=how.position,
    )


async def _know_device(
    tx: Tx, here: AccountsRoom, account: Account, how: SigningOn, policy: SessionsPolicy
) -> str | None:
    """The token by which a new device is known from now on. Raises Refused `shared_account` (A3)."""
    now, shown = here.clock(), how.device_token
    first = account.must_change or account.last_signed_on_at is None
    seen = how.terminal is not None or (
        shown is not None and await notices.use_device(tx, account.id, digest(shown), now)
    )
    far = domain.is_far(await storage.running(tx, account.id, now), how.position, policy, now)
    strange = (["new_device"] if not seen and not first else []) + (["implausible_place"] if far else [])
    agency = None if account.agency_id == PLATFORM else await accounts.find_agency(tx, account.agency_id)
    if strange and domain.wants_second_factor(policy, agency) and not domain.strong(how.methods):
        raise domain.shared_account()
    for kind in strange:
        await _notify(tx, here, account, kind, how.place, how.terminal)
    if seen:
        return None
    fresh = domain.new_refresh_token()
    await notices.add_device(tx, account.id, digest(fresh), now)
    return fresh


async def _notify(
    tx: Tx, here: AccountsRoom, account: Account, kind: str, place: Place, terminal: Terminal | None = None
) -> None:
    """Tell the account's person, and the record, that something strange happened (A3)."""
    at_terminal = terminal.id if terminal else None
    notice = await notices.add_notice(
        tx, account.id, kind, here.clock(), address=place.address, terminal_id=at_terminal
    )
    caller = await known(tx, here, account)
    tx.emit(here.recorder.administration(caller, Action.NOTICE_GIVE, "notice", notice, place))


async def _take_seat(tx: Tx, here: AccountsRoom, account: Account, terminal: Terminal) -> None:
    """End the person's own last session at the terminal; in a car, whoever's it was (A3)."""
    for session in await storage.running_at(tx, terminal.id, here.clock()):
        if terminal.kind == "car" or session.account_id == account.id:
            await end_sessions(tx, here, [session], "signed_on_again")
