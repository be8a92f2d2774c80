"""Passkeys in use: registering, listing and removing one's own, and signing on with one."""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from platekeeper_access_audit.accounts.passkeys import domain, storage
from platekeeper_access_audit.accounts.passkeys.domain import CHALLENGE_LIFE, Challenge, Passkey, Proof, Purpose
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.auth import Caller
from platekeeper_common.authorization import Action
from platekeeper_common.db import Tx
from platekeeper_common.errors import Busy, Conflict, NotFound

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
    """Begin to register a passkey for the caller. Raises Conflict `too_many_passkeys`, `passkeys_need_host_name`."""
    await tx.lock()
    known = await storage.of_account(tx, by.subject)
    domain.demand_few(known)
    challenge = await _challenge(tx, here, "register", by.subject)
    options = domain.registration_options(
        here.origin, challenge.secret, account_id=by.subject, username=by.username, name=by.name, known=known
    )
    tx.emit(here.recorder.administration(by, Action.PASSKEY_REGISTER, "challenge", challenge.id, place))
    return Asked(challenge.id, here.origin, options)


async def register(tx: Tx, here: AccountsRoom, proof: Proof, name: str, *, by: Caller, place: Place) -> Passkey:
    """The caller's new passkey. Raises Unauthenticated `challenge_unknown`, Invalid, Conflict `passkey_taken`."""
    challenge = await take(here, proof, "register", by.subject)
    new = domain.registered(here.origin, challenge, proof, account_id=by.subject, name=name, now=here.clock())
    await tx.lock()
    domain.demand_few(await storage.of_account(tx, by.subject))
    try:
        await storage.add(tx, new)
    except IntegrityError as error:
        raise Conflict("this passkey is registered already", code="passkey_taken", clause="G2") from error
    tx.emit(here.recorder.administration(by, Action.PASSKEY_REGISTER, "passkey", new.id, place))
    return new


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Passkey]:
    """The caller's passkeys."""
    tx.emit(here.recorder.administration(by, Action.PASSKEY_VIEW, "passkeys", by.subject, place))
    return await storage.of_account(tx, by.subject)


async def remove(tx: Tx, here: AccountsRoom, passkey_id: str, *, by: Caller, place: Place) -> None:
    """Forget one of the caller's passkeys. Raises NotFound `passkey_unknown`."""
    if not await storage.remove(tx, by.subject, passkey_id):
        raise NotFound("you have no such passkey", code="passkey_unknown", clause="G2")
    tx.emit(here.recorder.administration(by, Action.PASSKEY_REMOVE, "passkey", passkey_id, place))


async def login_options(here: AccountsRoom) -> Asked:
    """A challenge for whoever has a passkey: no username is asked for, so none is given away."""
    async with here.db.tx() as tx:
        challenge = await _challenge(tx, here, "login", None)
    return Asked(challenge.id, here.origin, domain.login_options(here.origin, challenge.secret))


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
