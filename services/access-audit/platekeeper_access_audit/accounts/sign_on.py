"""Signing on: people by password and second factor, devices by their secret; and enrolling the second factor."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

import pyotp

from platekeeper_access_audit.accounts import attempts, storage
from platekeeper_access_audit.accounts.approvals import handlers as approvals
from platekeeper_access_audit.accounts.domain import (
    WINDOW,
    Account,
    Credentials,
    Judgement,
    code_step,
    credentials_wrong,
    judge,
    locked,
)
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import auth, ids
from platekeeper_common.access import Place
from platekeeper_common.auth import Caller
from platekeeper_common.authorization import Action
from platekeeper_common.db import Tx
from platekeeper_common.edge import commit_or_refuse
from platekeeper_common.errors import Busy, Conflict, Invalid, PlatekeeperError, Refused, Unauthenticated
from platekeeper_common.events.access import AccessRevoked
from platekeeper_common.ids import PLATFORM

PLATFORM_NAME = "Platekeeper"
NO_SECRET = "0" * 64


@dataclass(frozen=True, slots=True)
class SignedOn:
    """A token, and what it says."""

    token: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What an authenticator application needs; shown once."""

    secret: str
    otpauth_uri: str


async def login(here: AccountsRoom, asked: Credentials, place: Place) -> SignedOn:
    """A token for the person whom the credentials belong to.

    Raises Unauthenticated `account_locked`, `credentials_wrong`, `second_factor_required` or `second_factor_wrong`,
    Refused `password_change_required`, Invalid for a new password that is none, Busy (`audit_unavailable` too, B8).
    Success and failure at an account leave an access record; an attempt at a locked username is not looked at and
    leaves none.
    """
    digest = username_digest(here, asked.username)
    attempt = await _admit(here, digest)
    async with here.db.tx() as tx:
        account = await storage.account_of(tx, asked.username)
    try:
        right = await here.passwords.verify(account.password_hash if account else None, asked.password)
    except Busy:
        async with here.db.tx() as tx:
            await attempts.forget(tx, attempt)
        raise
    if account is None:
        async with here.db.tx() as tx:
            await attempts.fail(tx, attempt, None)
        raise credentials_wrong()
    secret = _open_second_factor(here, account) if account.totp_confirmed else None
    judgement = judge(account, asked, right=right, secret=secret, now=here.clock())
    if judgement.refusal is not None:
        await _record_refusal(here, account, judgement.refusal, attempt, place, failed=judgement.failed)
        raise judgement.refusal
    hashed = await here.passwords.hash(asked.new_password) if asked.new_password else None
    return await _sign_on(here, account, judgement, hashed, place)


def username_digest(here: AccountsRoom, username: str) -> str:
    """What attempts at the username are counted under."""
    return here.foundation.ids.derive("username", username)


async def _admit(here: AccountsRoom, digest: str) -> str:
    """The id of the attempt, counted before anything is verified: many at once guess no more than one by one."""
    now, attempt = here.clock(), ids.new()
    async with here.db.tx() as tx:
        await tx.lock()
        if locked(await attempts.times(tx, digest, now - 2 * WINDOW), now):
            minutes = int(WINDOW.total_seconds() // 60)
            detail = f"too many failed logins; try again {minutes} minutes after the last"
            raise Unauthenticated(detail, code="account_locked", clause="G2")
        await attempts.prune(tx, now - 2 * WINDOW)
        await attempts.add(tx, attempt, digest, now)
    return attempt


async def _record_refusal(
    here: AccountsRoom, account: Account, error: PlatekeeperError, attempt: str, place: Place, *, failed: bool
) -> None:
    async with here.db.tx() as tx:
        if failed:
            await attempts.fail(tx, attempt, account.id)
        else:
            await attempts.forget(tx, attempt)
        caller = await _person(tx, here, account, here.clock())
        outcome = {"outcome": "refused", "code": error.code, "clause": error.clause}
        tx.emit(here.recorder.administration(caller, Action.LOGIN, "account", account.id, place, **outcome))
        await commit_or_refuse(tx)


async def _sign_on(
    here: AccountsRoom, account: Account, judgement: Judgement, hashed: str | None, place: Place
) -> SignedOn:
    async with here.db.tx() as tx:
        await tx.lock()
        now = here.clock()
        # While the password was verified the account may have been disabled, or the same code used elsewhere.
        if await storage.account_of(tx, account.username) != account:
            raise credentials_wrong()
        await attempts.forget_all(tx, username_digest(here, account.username))
        caller = await _person(tx, here, account, now)
        if judgement.step is not None:
            await storage.change_account(tx, account.id, totp_last_step=judgement.step)
        if hashed is not None:
            await storage.change_account(tx, account.id, password_hash=hashed, must_change=False)
            tx.emit(AccessRevoked(agency_id=account.agency_id, before=now, subject=account.id))
        tx.emit(here.recorder.administration(caller, Action.LOGIN, "account", account.id, place))
        await commit_or_refuse(tx)
    return SignedOn(await issue(here, caller), caller)


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
    return SignedOn(await issue(here, caller), caller)


async def enrol(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> SecondFactor:
    """A fresh second factor, in force once confirmed. Raises Conflict `second_factor_present`."""
    await tx.lock()
    account = await storage.find_account(tx, by.subject, by.agency_id)
    if account.totp_confirmed:
        raise Conflict("you have a second factor; an administrator can reset it", code="second_factor_present")
    secret = pyotp.random_base32()
    wrapped = here.foundation.keys.wrap(secret.encode(), _wrapped_as(account.id))
    await storage.change_account(tx, account.id, totp_secret=wrapped)
    tx.emit(here.recorder.administration(by, Action.SECOND_FACTOR_ENROL, "account", account.id, place))
    return SecondFactor(secret, pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=PLATFORM_NAME))


async def confirm(tx: Tx, here: AccountsRoom, code: str, *, by: Caller, place: Place) -> None:
    """From now on every login needs a code. Raises Conflict `second_factor_absent`, Invalid `second_factor_wrong`."""
    await tx.lock()
    account = await storage.find_account(tx, by.subject, by.agency_id)
    if account.totp_secret is None or account.totp_confirmed:
        raise Conflict("no second factor waits to be confirmed; enrol first", code="second_factor_absent")
    step = code_step(_open_second_factor(here, account), code, after=account.totp_last_step, now=here.clock())
    if step is None:
        raise Invalid("the code is not the one that your second factor shows now", code="second_factor_wrong")
    await storage.change_account(tx, account.id, totp_confirmed=True, totp_last_step=step)
    tx.emit(here.recorder.administration(by, Action.SECOND_FACTOR_ENROL, "account", account.id, place))


async def issue(here: AccountsRoom, caller: Caller) -> str:
    """A token that says `caller`, signed with the current key."""
    settings = here.foundation.settings
    return auth.issue(caller, await here.signing.current(), issuer=settings.issuer, audience=settings.audience)


async def _person(tx: Tx, here: AccountsRoom, account: Account, now: datetime) -> Caller:
    """The account's person, signing on now, with the training and the approval that are on file (A8, C2)."""
    admission = await approvals.at_sign_on(tx, here, account)
    organisation = PLATFORM_NAME
    if account.agency_id != PLATFORM:
        organisation = (await storage.find_agency(tx, account.agency_id)).name
    return Caller(
        kind="person",
        subject=account.id,
        agency_id=account.agency_id,
        username=account.username,
        name=account.name,
        organisation=organisation,
        issued_at=now,
        expires_at=now + auth.TOKEN_LIFE,
        roles=admission.roles,
        title=account.title,
        session=ids.new(),
        signed_on_at=now,
        training_until=admission.training_until,
        approved_until=admission.approved_until,
    )


def _open_second_factor(here: AccountsRoom, account: Account) -> str:
    return here.foundation.keys.unwrap(account.totp_secret or b"", _wrapped_as(account.id)).decode()


def _wrapped_as(account_id: str) -> str:
    return f"second-factor/{account_id}"
