"""Signing on: people by password and second factor, devices by their secret."""

import hashlib
import hmac
from dataclasses import dataclass, replace

from platekeeper_access_audit.accounts import attempts, storage
from platekeeper_access_audit.accounts.agencies import strictest_sessions
from platekeeper_access_audit.accounts.domain import (
    Account,
    Credentials,
    Judgement,
    credentials_wrong,
    judge,
    locked,
    second_factor_wrong,
)
from platekeeper_access_audit.accounts.issuers import storage as issuers
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.second_factors import handlers as second_factors
from platekeeper_access_audit.accounts.sessions import beginning, tokens
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_access_audit.accounts.sessions.beginning import SigningOn
from platekeeper_access_audit.accounts.sessions.domain import WITH_CODE
from platekeeper_access_audit.accounts.sessions.tokens import Begun
from platekeeper_access_audit.accounts.terminals import handlers as terminals
from platekeeper_access_audit.accounts.terminals.documents import SignedOnFrom
from platekeeper_access_audit.accounts.terminals.domain import Presented
from platekeeper_common import auth, ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.edge import commit_or_refuse
from platekeeper_common.errors import Busy, Conflict, PlatekeeperError, Refused, Unauthenticated

NO_SECRET = "0" * 64


@dataclass(frozen=True, slots=True)
class SignedOn:
    """A token, and what it says."""

    token: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Where:
    """From where somebody signs on: the address, the registered terminal, the device that was known before."""

    place: Place
    terminal: Presented | None = None
    device_token: str | None = None
    cookie: bool = False
    """A browser keeps the refresh token."""
    accept_policy: str | None = None
    """The SHA-256 of the agency's published policy, which the person accepts (B4)."""


def from_where(said: SignedOnFrom, place: Place) -> Where:
    """What a login says of itself, from that address."""
    terminal = said.terminal.presented() if said.terminal else None
    return Where(place, terminal, said.device_token, said.cookie, said.accept_policy)


async def login(here: AccountsRoom, asked: Credentials, where: Where) -> Begun:
    """The session of the person whom the credentials belong to.

    Raises Unauthenticated `account_locked`, `credentials_wrong`, `second_factor_required`, `second_factor_wrong` or
    `terminal_unknown`, Refused `password_change_required` and what `beginning.begin` raises, Invalid for a new password
    that is none, Busy (`audit_unavailable` too, B8).
    Success and failure at an account leave an access record; an attempt at a locked username is not looked at and
    leaves none.
    """
    attempt = await admit(here, asked.username)
    async with here.db.tx() as tx:
        account = await storage.account_of(tx, asked.username)
    right = await _verify(here, account, asked.password, attempt)
    if account is None:
        async with here.db.tx() as tx:
            await attempts.fail(tx, attempt, None)
        raise credentials_wrong()
    async with here.db.tx() as tx:
        off = await issuers.passwords_off(tx, account.agency_id)
    secret = second_factors.opened(here, account) if account.totp_confirmed else None
    judgement = judge(account, asked, right=right, off=off, secret=secret, now=here.clock())
    if judgement.refusal is not None:
        await record_refusal(here, account, judgement.refusal, attempt, where.place, failed=judgement.failed)
        raise judgement.refusal
    hashed = await here.passwords.hash(asked.new_password) if asked.new_password else None
    try:
        return await _sign_on(here, account, asked, judgement, hashed, where)
    except (Refused, Conflict, Unauthenticated) as error:
        guessed = error.code in ("second_factor_wrong", "credentials_wrong")
        await record_refusal(here, account, error, attempt, where.place, failed=guessed)
        raise


def username_digest(here: AccountsRoom, username: str) -> str:
    """What attempts at the username are counted under."""
    return here.foundation.ids.derive("username", username)


async def unlock(here: AccountsRoom, token: str | None, password: str, place: Place) -> Begun:
    """The session that the refresh token carries on, awake again for whoever knows its person's password (G2).

    Raises Unauthenticated `credentials_wrong`, which counts towards the lock, `account_locked`, and what `carried_on`
    raises; Busy. Success and failure leave an access record.
    """
    async with here.db.tx() as tx:
        session = await sessions.carried_on(tx, here, token, place)
        account = await storage.find_account(tx, session.account_id, session.agency_id)
    attempt = await admit(here, account.username)
    if not await _verify(here, account, password, attempt):
        error = credentials_wrong()
        await record_refusal(here, account, error, attempt, place, failed=True, action=Action.SESSION_UNLOCK)
        raise error
    async with here.db.tx() as tx:
        await attempts.forget_all(tx, username_digest(here, account.username))
        begun = await sessions.unlock(tx, here, await sessions.carried_on(tx, here, token, place), place)
        await commit_or_refuse(tx)
    return begun


async def _verify(here: AccountsRoom, account: Account | None, password: str, attempt: str) -> bool:
    """Whether it is the account's password. Raises Busy, and then it was no attempt."""
    try:
        return await here.passwords.verify(account.password_hash if account else None, password)
    except Busy:
        async with here.db.tx() as tx:
            await attempts.forget(tx, attempt)
        raise


async def admit(here: AccountsRoom, username: str) -> str:
    """The id of the attempt, counted before anything is verified: many at once guess no more than one by one.

    Raises Unauthenticated `account_locked`.
    """
    digest = username_digest(here, username)
    now, attempt, rule = here.clock(), ids.new(), strictest_sessions(here)
    async with here.db.tx() as tx:
        await tx.lock()
        if locked(await attempts.times(tx, digest, now - 2 * rule.lock_within), rule, now):
            minutes = int(rule.lock_within.total_seconds() // 60)
            detail = f"too many failed logins; try again {minutes} minutes after the last"
            raise Unauthenticated(detail, code="account_locked", clause="G2")
        await attempts.prune(tx, now - 2 * rule.lock_within)
        await attempts.add(tx, attempt, digest, now)
    return attempt


async def record_refusal(
    here: AccountsRoom,
    account: Account,
    error: PlatekeeperError,
    attempt: str,
    place: Place,
    *,
    failed: bool,
    action: Action = Action.LOGIN,
) -> None:
    """Record that the attempt was refused at the account; it counts towards the lock when it `failed`."""
    async with here.db.tx() as tx:
        if failed:
            await attempts.fail(tx, attempt, account.id)
        else:
            await attempts.forget(tx, attempt)
        tx.emit(await beginning.refused(tx, here, account, action, error, place))
        await commit_or_refuse(tx)


async def _sign_on(
    here: AccountsRoom, account: Account, asked: Credentials, judgement: Judgement, hashed: str | None, where: Where
) -> Begun:
    async with here.db.tx() as tx:
        await tx.lock()
        # While the password was verified the account may have been disabled, or the same code used elsewhere.
        now_kept = await storage.account_of(tx, account.username)
        if now_kept is None or replace(now_kept, last_signed_on_at=account.last_signed_on_at) != account:
            raise credentials_wrong()
        await attempts.forget_all(tx, username_digest(here, account.username))
        if judgement.step is not None:
            await storage.change_account(tx, account.id, totp_last_step=judgement.step)
        elif judgement.recovery and not await _recovered(tx, here, account, asked):
            raise second_factor_wrong()
        if hashed is not None:
            await storage.change_account(tx, account.id, password_hash=hashed, must_change=False)
            await sessions.end_all(tx, here, account.id, account.agency_id, "password_changed")
        shown = ("pwd", *WITH_CODE) if judgement.step is not None or judgement.recovery else ("pwd",)
        begun = await begin(tx, here, account, shown, where)
        await commit_or_refuse(tx)
    return begun


async def begin(tx: Tx, here: AccountsRoom, account: Account, methods: tuple[str, ...], where: Where) -> Begun:
    """The session of whoever has shown by `methods` to be the account's, from there.

    Raises Unauthenticated `terminal_unknown`, and what `beginning.begin` raises.
    """
    seat = await terminals.seat(tx, account.agency_id, where.terminal)
    how = SigningOn(
        methods=methods,
        place=where.place,
        terminal=seat.terminal if seat else None,
        position=seat.position if seat else None,
        device_token=where.device_token,
        cookie=where.cookie,
        accept_policy=where.accept_policy,
    )
    return await beginning.begin(tx, here, account, how)


async def _recovered(tx: Tx, here: AccountsRoom, account: Account, asked: Credentials) -> bool:
    return await second_factors.spend_recovery_code(tx, here, account, asked.recovery_code or "")


async def device_token(here: AccountsRoom, device_id: str, secret: str) -> SignedOn:
    """A token for a registered device. Raises Unauthenticated `device_unknown`: unknown, retired or a wrong secret."""
    async with here.db.tx() as tx:
        known = await storage.device(tx, device_id)
    given = hashlib.sha256(secret.encode()).hexdigest()
    right = hmac.compare_digest(given, known.secret_sha256 if known else NO_SECRET)
    unknown = Unauthenticated("no device with this id and secret is in service", code="device_unknown", clause="B1")
    if known is None or known.retired or not right:
        raise unknown
    policies = here.foundation.policies
    try:
        policies.of(known.agency_id)
    except Refused as closed:
        raise unknown from closed
    now = here.clock()
    caller = Caller(
        kind="device",
        subject=known.device_id,
        agency_id=known.agency_id,
        username=known.device_id,
        name=known.name,
        organisation=policies.agency(known.agency_id).name,
        issued_at=now,
        expires_at=now + auth.TOKEN_LIFE,
    )
    return SignedOn(await tokens.issue(here, caller), caller)
