"""Passkeys in use: registering, listing and removing one's own, and signing on with one."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from platekeeper_access_audit.accounts import attempts, sign_on
from platekeeper_access_audit.accounts import storage as accounts
from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.passkeys import domain, storage
from platekeeper_access_audit.accounts.passkeys.domain import CHALLENGE_LIFE, Challenge, Passkey, Proof, Purpose
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.second_factors.handlers import demand_shown
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_access_audit.accounts.sessions.tokens import Begun
from platekeeper_access_audit.accounts.sign_on import Where
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.edge import commit_or_refuse
from platekeeper_common.errors import Busy, Conflict, NotFound, Refused, Unauthenticated

CHALLENGE_BYTES = 32
MOST_WAITING = 10_000
"""Challenges that wait at once: whoever asks for them without end fills no disk."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser hands to its authenticator."""

    challenge_id: str
    origin: str
    """The one place where the answer counts."""
    options: dict[str, Any]


async def registration_options(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> Asked:
    """Begin to register a passkey for the caller.

    Raises Conflict `too_many_passkeys`, `passkeys_need_host_name`, Unauthenticated `second_factor_owed`.
    """
    await tx.lock()
    await demand_shown(tx, by)
    known = await storage.of_account(tx, by.subject)
    domain.demand_few(known)
    challenge = await _challenge(tx, here, "register", by.subject)
    options = domain.registration_options(
        here.origin, challenge.secret, account_id=by.subject, username=by.username, name=by.name, known=known
    )
    tx.emit(here.recorder.administration(by, Action.PASSKEY_REGISTER, "challenge", challenge.id, place))
    return Asked(challenge.id, here.origin, options)


async def register(tx: Tx, here: AccountsRoom, proof: Proof, name: str, *, by: Caller, place: Place) -> Passkey:
    """The caller's new passkey; this session has shown it already.

    Raises Unauthenticated `challenge_unknown`, `second_factor_owed`, Invalid `passkey_not_proved`, Conflict
    `passkey_taken`.
    """
    challenge = await take(here, proof, "register", by.subject)
    new = domain.registered(here.origin, challenge, proof, account_id=by.subject, name=name, now=here.clock())
    await tx.lock()
    await demand_shown(tx, by)
    domain.demand_few(await storage.of_account(tx, by.subject))
    try:
        await storage.add(tx, new)
    except IntegrityError as error:
        raise Conflict("this passkey is registered already", code="passkey_taken", clause="G2") from error
    await sessions.strengthen(tx, by, domain.METHODS)
    tx.emit(here.recorder.administration(by, Action.PASSKEY_REGISTER, "passkey", new.id, place))
    return new


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Passkey]:
    """The caller's passkeys."""
    tx.emit(here.recorder.administration(by, Action.PASSKEY_VIEW, "passkeys", by.subject, place))
    return await storage.of_account(tx, by.subject)


async def remove(tx: Tx, here: AccountsRoom, passkey_id: str, *, by: Caller, place: Place) -> None:
    """Forget one of the caller's passkeys. Raises NotFound `passkey_unknown`, Unauthenticated `second_factor_owed`."""
    await demand_shown(tx, by)
    if not await storage.remove(tx, by.subject, passkey_id):
        raise NotFound("you have no such passkey", code="passkey_unknown", clause="G2")
    tx.emit(here.recorder.administration(by, Action.PASSKEY_REMOVE, "passkey", passkey_id, place))


async def login_options(here: AccountsRoom) -> Asked:
    """A challenge for whoever has a passkey: no username is asked for, so none is given away."""
    async with here.db.tx() as tx:
        challenge = await _challenge(tx, here, "login", None)
    return Asked(challenge.id, here.origin, domain.login_options(here.origin, challenge.secret))


async def login(here: AccountsRoom, proof: Proof, where: Where) -> Begun:
    """The session of the person whose passkey answered: password and second factor in one (G2).

    Raises Unauthenticated `challenge_unknown`, `passkey_wrong`, `passkey_copied`, `account_locked`; what
    `sign_on.begin` raises. A passkey that is somebody's leaves an access record, and a wrong answer counts towards the
    lock of the username, as a wrong password does.
    """
    challenge = await take(here, proof, "login", None)
    async with here.db.tx() as tx:
        passkey = await storage.find(tx, proof.passkey_id)
        if passkey is None:
            raise domain.passkey_wrong()
        account = await accounts.find_account(tx, passkey.account_id, None)

    async def begin(tx: Tx) -> Begun:
        # While the answer was verified the account may have been disabled, which tells nobody anything.
        now_kept = await accounts.find_account(tx, account.id, None)
        if now_kept.disabled_at is not None:
            raise domain.passkey_wrong()
        return await sign_on.begin(tx, here, now_kept, domain.METHODS, where)

    return await _proved(here, challenge, proof, passkey, account, begin, Action.LOGIN, where.place)


async def unlock_options(here: AccountsRoom, token: str | None, place: Place) -> Asked:
    """A challenge for the person of the locked session that the refresh token carries on. Raises as `carried_on`."""
    async with here.db.tx() as tx:
        session = await sessions.carried_on(tx, here, token, place)
        known = await storage.of_account(tx, session.account_id)
        challenge = await _challenge(tx, here, "unlock", session.account_id)
    return Asked(challenge.id, here.origin, domain.login_options(here.origin, challenge.secret, known))


async def unlock(here: AccountsRoom, token: str | None, proof: Proof, place: Place) -> Begun:
    """The session that the refresh token carries on, awake again for its person's passkey. Raises as `login`."""
    async with here.db.tx() as tx:
        session = await sessions.carried_on(tx, here, token, place)
        account = await accounts.find_account(tx, session.account_id, session.agency_id)
        passkey = await storage.find(tx, proof.passkey_id)
    challenge = await take(here, proof, "unlock", account.id)
    if passkey is None or passkey.account_id != account.id:
        raise domain.passkey_wrong()

    async def awake(tx: Tx) -> Begun:
        return await sessions.unlock(tx, here, await sessions.carried_on(tx, here, token, place), place)

    return await _proved(here, challenge, proof, passkey, account, awake, Action.SESSION_UNLOCK, place)


async def _proved(
    here: AccountsRoom,
    challenge: Challenge,
    proof: Proof,
    passkey: Passkey,
    account: Account,
    begin: Callable[[Tx], Awaitable[Begun]],
    action: Action,
    place: Place,
) -> Begun:
    """What `begin` gives once the answer is proved; the attempt is counted before, a refusal recorded after."""
    attempt = await sign_on.admit(here, account.username)
    try:
        count = domain.proved_count(here.origin, challenge, proof, passkey)
        async with here.db.tx() as tx:
            await tx.lock()
            now_kept = await storage.find(tx, passkey.id)
            if now_kept is None or replace(now_kept, used_at=passkey.used_at) != passkey:
                raise domain.passkey_wrong()
            await attempts.forget_all(tx, sign_on.username_digest(here, account.username))
            await storage.used(tx, passkey.id, count, here.clock())
            begun = await begin(tx)
            await commit_or_refuse(tx)
    except (Unauthenticated, Refused, Conflict) as error:
        failed = error.code in ("passkey_wrong", "passkey_copied")
        await sign_on.record_refusal(here, account, error, attempt, place, failed=failed, action=action)
        raise
    return begun


async def take(here: AccountsRoom, proof: Proof, purpose: Purpose, account_id: str | None) -> Challenge:
    """The challenge that the proof answers, gone from now on, whatever the proof is worth."""
    async with here.db.tx() as tx:
        found = await storage.take_challenge(tx, proof.challenge_id)
    return domain.demand_open(found, purpose, account_id, here.clock())


async def _challenge(tx: Tx, here: AccountsRoom, purpose: Purpose, account_id: str | None) -> Challenge:
    now = here.clock()
    domain.relying_party(here.origin)
    if await storage.prune_challenges(tx, now) >= MOST_WAITING:
        raise Busy("too many log in just now; try again", code="login_busy", headers={"Retry-After": "60"})
    new = Challenge(
        id=ids.new(),
        purpose=purpose,
        account_id=account_id,
        secret=secrets.token_bytes(CHALLENGE_BYTES),
        expires_at=now + CHALLENGE_LIFE,
    )
    await storage.add_challenge(tx, new)
    return new
