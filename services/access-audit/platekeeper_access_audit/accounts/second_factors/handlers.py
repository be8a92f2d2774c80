"""Enrolling a second factor, and the recovery codes that replace it once each. One transaction each."""

import io
from dataclasses import dataclass

import pyotp
import segno

from platekeeper_access_audit.accounts import storage as accounts
from platekeeper_access_audit.accounts.domain import Account, code_step, demand_code, second_factor_wrong
from platekeeper_access_audit.accounts.passwords import one_time_password
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.second_factors import storage
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_access_audit.accounts.sessions.domain import WITH_CODE, digest
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, Invalid
from platekeeper_common.ids import PLATFORM_NAME

RECOVERY_CODES = 10


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """What an authenticator application needs; shown once."""

    secret: str
    otpauth_uri: str
    qr_svg: str


async def enrol(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> SecondFactor:
    """A fresh second factor, in force once confirmed. Raises Conflict `second_factor_present`; as `demand_shown`."""
    await tx.lock()
    account = await accounts.find_account(tx, by.subject, by.agency_id)
    if account.totp_confirmed:
        raise Conflict("you have a second factor; an administrator can reset it", code="second_factor_present")
    await demand_shown(tx, by)
    secret = pyotp.random_base32()
    wrapped = here.foundation.keys.wrap(secret.encode(), _wrapped_as(account.id))
    await accounts.change_account(tx, account.id, totp_secret=wrapped)
    tx.emit(here.recorder.administration(by, Action.SECOND_FACTOR_ENROL, "account", account.id, place))
    uri = pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=PLATFORM_NAME)
    return SecondFactor(secret, uri, _qr(uri))


async def confirm(tx: Tx, here: AccountsRoom, code: str, *, by: Caller, place: Place) -> list[str]:
    """From now on every login needs a code; the recovery codes, shown once. This session has shown one already.

    Raises Conflict `second_factor_absent`, Invalid `second_factor_wrong`; as `demand_shown`.
    """
    await tx.lock()
    account = await accounts.find_account(tx, by.subject, by.agency_id)
    if account.totp_secret is None or account.totp_confirmed:
        raise Conflict("no second factor waits to be confirmed; enrol first", code="second_factor_absent")
    await demand_shown(tx, by)
    step = code_step(opened(here, account), code, after=account.totp_last_step, now=here.clock())
    if step is None:
        raise Invalid("the code is not the one that your second factor shows now", code="second_factor_wrong")
    await accounts.change_account(tx, account.id, totp_confirmed=True, totp_last_step=step)
    codes = [one_time_password() for _ in range(RECOVERY_CODES)]
    await storage.replace(tx, account.id, [digest(code) for code in codes])
    await sessions.strengthen(tx, by, WITH_CODE)
    tx.emit(here.recorder.administration(by, Action.SECOND_FACTOR_ENROL, "account", account.id, place))
    return codes


async def demand_shown(tx: Tx, by: Caller) -> None:
    """Return when the caller has no second factor yet, or has shown one in the running session (G2).

    Otherwise a stolen password would make a second factor of its own beside the person's, or take theirs away.
    Raises Unauthenticated `second_factor_owed`.
    """
    account = await accounts.find_account(tx, by.subject, by.agency_id)
    if account.totp_confirmed or await storage.has_passkey(tx, by.subject):
        await sessions.demand_strong(tx, by)


async def spend_recovery_code(tx: Tx, here: AccountsRoom, account: Account, code: str) -> bool:
    """Whether the code stands in for the second factor, this once."""
    return await storage.spend(tx, account.id, digest(code.strip().lower()), here.clock())


async def demand(tx: Tx, here: AccountsRoom, account: Account, code: str | None, recovery_code: str | None) -> None:
    """Take the code, or else spend the recovery code. Raises Unauthenticated `second_factor_required`, `..._wrong`."""
    if code is None and recovery_code is not None:
        if not await spend_recovery_code(tx, here, account, recovery_code):
            raise second_factor_wrong()
        return
    step = demand_code(opened(here, account), code, after=account.totp_last_step, now=here.clock())
    await accounts.change_account(tx, account.id, totp_last_step=step)


async def forget(tx: Tx, account_id: str) -> None:
    """No second factor and no recovery code any more."""
    await accounts.change_account(tx, account_id, totp_secret=None, totp_confirmed=False)
    await storage.replace(tx, account_id, [])


def opened(here: AccountsRoom, account: Account) -> str:
    """The secret of the account's second factor."""
    return here.foundation.keys.unwrap(account.totp_secret or b"", _wrapped_as(account.id)).decode()


def _qr(uri: str) -> str:
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", scale=4, xmldecl=False, title="otpauth")
    return drawn.getvalue().decode()


def _wrapped_as(account_id: str) -> str:
    return f"second-factor/{account_id}"
