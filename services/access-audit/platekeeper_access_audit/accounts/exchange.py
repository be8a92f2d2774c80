"""Token exchange (RFC 8693): a service that acts for a person within an approved request gets a token for just that.

The person's token says who; the service shows that it is the one by its secret; the scope and its details (RFC 9396)
say what the token opens. It carries the person's training as at sign-on, and no role.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import msgspec

from platekeeper_access_audit.accounts import domain, storage
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions.tokens import issue
from platekeeper_common import delegation
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller
from platekeeper_common.delegation import Delegation
from platekeeper_common.edge import commit_or_refuse
from platekeeper_common.errors import Invalid, PlatekeeperError, Unauthenticated
from platekeeper_common.events.access import AccessRecorded

LIFE = timedelta(seconds=60)
"""Of a delegated token."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the acting service presents."""

    subject_token: str
    actor_token: str
    scope: str
    authorization_details: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A delegated token."""

    token: str
    life: timedelta
    """How long it lasts from now."""


async def exchange(here: AccountsRoom, asked: Asked, place: Place) -> Exchanged:
    """A token of `LIFE` with the person as `sub` and the service as `act`, for the stated scope alone.

    Raises Unauthenticated `actor_unknown` or what is wrong with the person's token, Refused when the person may not
    have requests fulfilled, Conflict `account_disabled`, Invalid `scope_invalid`. A refusal of a known person leaves an
    access record, as the exchange itself does.
    """
    await _demand_actor(here, asked.actor_token)
    by = await here.foundation.verifier.verify(asked.subject_token)
    try:
        decide(by, Action.RELEASE_FULFIL)
        acting = _delegation(asked)
        async with here.db.tx() as tx:
            domain.demand_enabled(await storage.find_account(tx, by.subject, by.agency_id))
            tx.emit(_record(here, by, acting.authority, place))
            await commit_or_refuse(tx)
    except PlatekeeperError as error:
        if error.status < 500:
            await _record_refusal(here, by, error, place)
        raise
    now = here.clock()
    # Of the moment of the person's own token: a revocation on its way here ends this one with it (A3).
    caller = replace(
        by,
        kind="delegated",
        roles=frozenset(),
        offices=(),
        expires_at=min(now + LIFE, by.expires_at),
        delegation=acting,
    )
    return Exchanged(await issue(here, caller), caller.expires_at - now)


async def _demand_actor(here: AccountsRoom, given: str) -> None:
    """The one service that may act is known by the SHA-256 of its secret."""
    secret = await here.foundation.keys.key(delegation.SECRET)
    known = hashlib.sha256(secret.hex().encode()).hexdigest()
    if not hmac.compare_digest(hashlib.sha256(given.encode()).hexdigest(), known):
        raise Unauthenticated("no service with this secret acts for anybody", code="actor_unknown", clause="G2")


def _delegation(asked: Asked) -> Delegation:
    try:
        details = msgspec.json.decode(asked.authorization_details)
        return delegation.delegation({"sub": delegation.RELEASE}, asked.scope, details)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "scope must be release:<id>, and authorization_details the one approved scope of that request",
            code="scope_invalid",
        ) from error


def _record(here: AccountsRoom, by: Caller, authority: str, place: Place, **more: Any) -> AccessRecorded:
    return here.recorder.administration(by, Action.TOKEN_EXCHANGE, "delegation", authority, place, **more)


async def _record_refusal(here: AccountsRoom, by: Caller, error: PlatekeeperError, place: Place) -> None:
    async with here.db.tx() as tx:
        refused = {"outcome": "refused", "code": error.code, "clause": error.clause}
        tx.emit(_record(here, by, delegation.RELEASE, place, **refused))
        await commit_or_refuse(tx)
