"""Sessions begin with a sign-on of any kind, are carried on by refresh tokens, and end. One transaction each."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platekeeper_access_audit.accounts import storage as accounts
from platekeeper_access_audit.accounts.acceptances import handlers as acceptances
from platekeeper_access_audit.accounts.agencies import profile_of, strictest_sessions
from platekeeper_access_audit.accounts.approvals import admission
from platekeeper_access_audit.accounts.domain import (
    Account,
    demand_awake,
    demand_enabled,
    demand_open,
    demand_valid,
)
from platekeeper_access_audit.accounts.matters import handlers as matters
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.own_notices import storage as notices
from platekeeper_access_audit.accounts.policy import SessionsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import domain, storage
from platekeeper_access_audit.accounts.sessions.domain import Session, digest
from platekeeper_common import auth, ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.auth import TOKEN_LIFE
from platekeeper_common.caller import Caller, Terminal
from platekeeper_common.db import Tx
from platekeeper_common.edge import commit_or_refuse
from platekeeper_common.errors import PlatekeeperError, Unauthenticated
from platekeeper_common.events.access import AccessRecorded, AccessRevoked
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.rules import RECEIVE_ONLY

PLATFORM_NAME = "Platekeeper"
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Begun:
    """A session, who its token says is calling, and the refresh token that carries it on; shown once."""

    session: Session
    caller: Caller
    refresh_token: str
    device_token: str | None = None
    """By which this device is known at the person's next login; None: it is known already, or a terminal."""


@dataclass(frozen=True, slots=True)
class _SigningOn:
    """Who signs on, how, and from where."""

    account: Account
    policy: SessionsPolicy
    methods: tuple[str, ...]
    place: Place
    terminal: Terminal | None
    position: Position | None
    device_token: str | None


async def begin(
    tx: Tx,
    here: AccountsRoom,
    account: Account,
    *,
    methods: tuple[str, ...],
    place: Place,
    terminal: Terminal | None = None,
    position: Position | None = None,
    device_token: str | None = None,
    cookie: bool = False,
    accept_policy: str | None = None,
) -> Begun:
    """The session of a person who has just shown by `methods` (RFC 8176) to be the account's; its record in `tx`.

    Every kind of sign-on ends here: password, passkey, trusted issuer. Training and approval on file now ride in the
    session (A8, C2), and the policy that the agency has published is accepted, by its SHA-256 in `accept_policy` where
    it is new (B4). A device that the account was not used from, or a terminal implausibly far from another session's,
    needs more than a password and leaves a notice (A3); the account's first sign-on makes its device known. A car's
    last session ends.

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
    domain.demand_training(terminal, account.roles, admitted.training_until, now)
    signing_on = _SigningOn(account, policy, methods, place, terminal, position, device_token)
    fresh_device = await _know_device(tx, here, signing_on)
    if terminal is not None:
        await _take_seat(tx, here, account, terminal)
    refresh_token = domain.new_refresh_token()
    begun = Session(
        id=ids.new(),
        account_id=account.id,
        agency_id=account.agency_id,
        began_at=now,
        until=now + policy.reauthenticate_after,
        acted_at=now,
        methods=methods,
        refresh_sha256=digest(refresh_token),
        cookie=cookie,
        training_until=admitted.training_until,
        approved_until=admitted.approved_until,
        terminal=terminal,
        position=position,
    )
    await storage.add(tx, begun)
    await accounts.change_account(tx, account.id, last_signed_on_at=now)
    caller = await caller_of(tx, here, begun, account)
    await acceptances.demand(tx, here, caller, accept_policy, place)
    tx.emit(here.recorder.administration(caller, Action.LOGIN, "account", account.id, place))
    return Begun(begun, caller, refresh_token, fresh_device)


async def caller_of(tx: Tx, here: AccountsRoom, session: Session, account: Account | None = None) -> Caller:
    """Who a token of the session says is calling, if it is issued now.

    Roles, name and title are the account's today; training and approval are those of the sign-on; the matter is the
    last one chosen, run out or not: services say which.

    Raises Conflict `account_disabled` or `agency_closed`, Refused `account_expired`.
    """
    now = here.clock()
    account = account or await accounts.find_account(tx, session.account_id, session.agency_id)
    demand_enabled(account)
    demand_valid(account, now)
    agency = None if account.agency_id == PLATFORM else await accounts.find_agency(tx, account.agency_id)
    if agency is not None:
        demand_open(agency)
    policy = await policy_for(tx, here, account.agency_id)
    return replace(
        await known(tx, here, account),
        expires_at=domain.token_ends(session, policy, now),
        session=session.id,
        signed_on_at=session.began_at,
        training_until=session.training_until,
        approved_until=session.approved_until,
        methods=session.methods,
        second_factor_owed=domain.wants_second_factor(policy, agency) and not domain.strong(session.methods),
        terminal=session.terminal,
        locked=domain.locked(session, policy, now),
        offices=await incumbents.offices_of(tx, here, account.agency_id, account.id),
        matter=await matters.current(tx, session.id),
    )


async def known(tx: Tx, here: AccountsRoom, account: Account) -> Caller:
    """The account's person, signed on or not, for records; a token that says only this has ended already."""
    agency = None if account.agency_id == PLATFORM else await accounts.find_agency(tx, account.agency_id)
    now = here.clock()
    return Caller(
        kind="person",
        subject=account.id,
        agency_id=account.agency_id,
        username=account.username,
        name=account.name,
        organisation=agency.name if agency else PLATFORM_NAME,
        issued_at=now,
        expires_at=now,
        roles=await admission.roles(tx, here, account),
        title=account.title,
    )


async def refused(
    tx: Tx, here: AccountsRoom, account: Account, action: Action, error: PlatekeeperError, place: Place
) -> AccessRecorded:
    """The record of a sign-on of any kind, or an unlocking, that was refused at the account."""
    outcome = {"outcome": "refused", "code": error.code, "clause": error.clause}
    if error.code == "shared_account":
        await _notify(tx, here, account, "strange_login_refused", place)
    caller = await known(tx, here, account)
    return here.recorder.administration(caller, action, "account", account.id, place, **outcome)


async def strengthen(tx: Tx, by: Caller, methods: Sequence[str]) -> None:
    """The person has shown more in the running session: its next token says so."""
    session = await storage.hold(tx, by.session or "")
    if session is not None and session.account_id == by.subject:
        await storage.change(tx, session.id, methods=[*dict.fromkeys((*session.methods, *methods))])


async def demand_strong(tx: Tx, by: Caller) -> None:
    """Raise Unauthenticated `second_factor_owed` unless a second factor was shown in the running session (G2)."""
    session = await storage.hold(tx, by.session or "")
    if session is None or session.account_id != by.subject or not domain.strong(session.methods):
        raise domain.second_factor_owed()


async def _know_device(tx: Tx, here: AccountsRoom, of: _SigningOn) -> str | None:
    """The token by which a new device is known from now on. Raises Refused `shared_account` (A3)."""
    now, account, shown = here.clock(), of.account, of.device_token
    first = account.must_change or account.last_signed_on_at is None
    seen = of.terminal is not None or (
        shown is not None and await notices.use_device(tx, account.id, digest(shown), now)
    )
    far = domain.is_far(await storage.running(tx, account.id, now), of.position, of.policy, now)
    strange = (["new_device"] if not seen and not first else []) + (["implausible_place"] if far else [])
    agency = None if account.agency_id == PLATFORM else await accounts.find_agency(tx, account.agency_id)
    if strange and domain.wants_second_factor(of.policy, agency) and not domain.strong(of.methods):
        raise domain.shared_account()
    for kind in strange:
        await _notify(tx, here, account, kind, of.place, of.terminal)
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


async def held(tx: Tx, here: AccountsRoom, by: Caller) -> Session:
    """The caller's session, running and unlocked, which nobody else changes until the commit.

    Raises Unauthenticated `session_ended` or `session_locked`.
    """
    session = await storage.hold(tx, by.session or "")
    if session is None or session.account_id != by.subject:
        raise Unauthenticated("the token belongs to no session", code="session_ended", clause="G2")
    now = here.clock()
    domain.demand_running(session, now)
    if domain.locked(session, await policy_for(tx, here, session.agency_id), now):
        raise domain.session_locked()
    return session


async def refresh(here: AccountsRoom, token: str | None, place: Place) -> Begun:
    """A new token and a new refresh token of the session that `token` carries on.

    Raises Unauthenticated `refresh_unknown`, `refresh_reused` (a spent one: the session is ended, for somebody else has
    it too), `session_ended`, `session_locked`; what `caller_of` raises.
    """
    await _await_last_act(here, token)
    async with here.db.tx() as tx:
        session = await carried_on(tx, here, token, place)
        now = here.clock()
        locked = domain.locked(session, await policy_for(tx, here, session.agency_id), now)
        if locked and not domain.receives_hits(session):
            account = await accounts.find_account(tx, session.account_id, session.agency_id)
            raise domain.session_locked(name=account.name, username=account.username)
        return await carry_on(tx, here, session)


async def carry_on(tx: Tx, here: AccountsRoom, session: Session) -> Begun:
    """The held session under a new refresh token in `tx`; the one before is spent."""
    fresh = domain.new_refresh_token()
    await storage.rotate(tx, session, digest(fresh))
    return Begun(session, await caller_of(tx, here, session), fresh)


async def unlock(tx: Tx, here: AccountsRoom, session: Session, place: Place) -> Begun:
    """Open the held session of a person who has just shown to be the account's; its record in `tx` (G2)."""
    now = here.clock()
    await storage.change(tx, session.id, acted_at=now)
    begun = await carry_on(tx, here, replace(session, acted_at=now))
    tx.emit(here.recorder.administration(begun.caller, Action.SESSION_UNLOCK, "session", session.id, place))
    return begun


async def hear_of_acts(tx: Tx, records: Sequence[AccessRecorded]) -> None:
    """Remember when each session's person last acted. What only receives hits keeps nobody signed on (G2)."""
    acted: dict[str, datetime] = {}
    for record in records:
        if record.session and record.outcome == "allowed" and record.action not in RECEIVE_ONLY:
            acted[record.session] = max(record.at, acted.get(record.session, record.at))
    await storage.act(tx, acted)


async def end(here: AccountsRoom, token: str | None, place: Place) -> None:
    """End the session that `token` carries on; its tokens are worth nothing. Raises Unauthenticated as `refresh`."""
    async with here.db.tx() as tx:
        session = await carried_on(tx, here, token, place)
        caller = await caller_of(tx, here, session)
        await end_sessions(tx, here, [session], "signed_off")
        tx.emit(here.recorder.administration(caller, Action.SESSION_END, "session", session.id, place))
        await commit_or_refuse(tx)


async def end_sessions(tx: Tx, here: AccountsRoom, sessions: list[Session], because: str) -> None:
    """End these sessions of one account in `tx`: their tokens are worth nothing anywhere within seconds."""
    if not sessions:
        return
    now = here.clock()
    # One word tells of all that ended lately: whoever ends another at this moment must see these.
    await tx.lock(f"sessions/{sessions[0].account_id}")
    for session in sessions:
        await storage.end(tx, session, because, now)
    account_id, agency_id = sessions[0].account_id, sessions[0].agency_id
    ended = await storage.ended_since(tx, account_id, now - TOKEN_LIFE)
    tx.emit(AccessRevoked(agency_id=agency_id, before=now, subject=account_id, sessions=tuple(ended)))


async def end_all(tx: Tx, here: AccountsRoom, account_id: str, agency_id: AgencyId, because: str) -> None:
    """End every session of the account in `tx`: all its tokens are worth nothing anywhere within seconds."""
    now = here.clock()
    for session in await storage.running(tx, account_id, now):
        await storage.end(tx, session, because, now)
    tx.emit(AccessRevoked(agency_id=agency_id, before=now, subject=account_id))


async def policy_for(tx: Tx, here: AccountsRoom, agency_id: AgencyId) -> SessionsPolicy:
    """The agency's rules of sessions; for the platform's own people the strictest of the installed profiles'."""
    if agency_id == PLATFORM:
        return strictest_sessions(here)
    return profile_of(here, await accounts.find_agency(tx, agency_id)).section(SessionsPolicy)


async def issue(here: AccountsRoom, caller: Caller) -> str:
    """A token that says `caller`, signed with the current key."""
    settings = here.foundation.settings
    return auth.issue(caller, await here.signing.current(), issuer=settings.issuer, audience=settings.audience)


async def carried_on(tx: Tx, here: AccountsRoom, token: str | None, place: Place) -> Session:
    """The running session that the refresh token carries on, held; one that was spent ends the session at once.

    Raises Unauthenticated `refresh_missing`, `refresh_unknown`, `refresh_reused`, `session_ended`.
    """
    if token is None:
        raise Unauthenticated("sign on first", code="refresh_missing", clause="G2")
    session = await storage.hold_by_refresh(tx, digest(token))
    if session is not None:
        domain.demand_running(session, here.clock())
        return session
    session = await storage.hold_by_spent(tx, digest(token))
    if session is None:
        raise Unauthenticated("no session is carried on by this token", code="refresh_unknown", clause="G2")
    detail = "the refresh token was used before: somebody else may have it; the session is ended, sign on again"
    error = Unauthenticated(detail, code="refresh_reused", clause="G2")
    if session.ended_at is None:
        caller = await caller_of(tx, here, session)
        await end_sessions(tx, here, [session], "refresh_reused")
        tx.emit(_refusal(here, caller, session, error, place))
        await commit_or_refuse(tx)
    raise error


async def _await_last_act(here: AccountsRoom, token: str | None) -> None:
    """Wait a little while the session has just become idle: word of its last act may still be on the bus."""
    loop = asyncio.get_running_loop()
    until = loop.time() + here.settings.acts_within
    while token is not None and loop.time() < until:
        async with here.db.tx() as tx:
            session = await storage.by_refresh(tx, digest(token))
            if session is None:
                return
            idle = here.clock() - session.acted_at - (await policy_for(tx, here, session.agency_id)).idle_lock
        if not timedelta() <= idle < TOKEN_LIFE:
            return
        await asyncio.sleep(POLL_SECONDS)


def _refusal(
    here: AccountsRoom, caller: Caller, session: Session, error: PlatekeeperError, place: Place
) -> AccessRecorded:
    outcome = {"outcome": "refused", "code": error.code, "clause": error.clause}
    return here.recorder.administration(caller, Action.SESSION_REFRESH, "session", session.id, place, **outcome)
