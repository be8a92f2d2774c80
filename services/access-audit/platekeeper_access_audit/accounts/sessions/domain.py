"""The rules of sessions: how long one lasts, when it locks, and when its tokens end (clause G2)."""

import hashlib
import math
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platekeeper_access_audit.accounts.policy import SessionsPolicy
from platekeeper_common.auth import TOKEN_LIFE
from platekeeper_common.caller import Terminal
from platekeeper_common.errors import Refused, Unauthenticated
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.rules import opens_plate_data

KEEPS_HITS = ("car", "dispatch")
"""Kinds of terminals at which a locked session still receives hits (G2)."""
REFRESH_BYTES = 32
WITH_CODE = ("otp", "mfa")
"""What a code, or a recovery code, adds to how somebody signed on (RFC 8176)."""
SECOND_FACTORS = frozenset({"otp", "mfa", "hwk", "swk", "sc", "sms", "fpt", "face", "iris"})
"""Ways of signing on that are more than a password (RFC 8176)."""
EARTH_KM = 6_371.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-on of one person, at one terminal or none. Moments are aware UTC."""

    id: str
    account_id: str
    agency_id: AgencyId
    began_at: datetime
    until: datetime
    """Then the person signs on again."""
    acted_at: datetime
    """The person's last act, or the sign-on."""
    methods: tuple[str, ...]
    """How the person signed on (RFC 8176)."""
    refresh_sha256: str
    """Of the one refresh token that carries it on, hex."""
    cookie: bool
    """The refresh token is kept by a browser, out of reach of its pages."""
    training_until: datetime | None = None
    """As on file at sign-on (C2)."""
    approved_until: datetime | None = None
    """Likewise (A8)."""
    terminal: Terminal | None = None
    position: Position | None = None
    """Where the terminal was at sign-on, if that was known."""
    ended_at: datetime | None = None
    ended_because: str | None = None


def locked(session: Session, policy: SessionsPolicy, now: datetime) -> bool:
    """Whether nobody has acted in it for as long as locks it."""
    return now - session.acted_at >= policy.idle_lock


def strong(methods: Collection[str]) -> bool:
    """Whether somebody signed on with more than a password."""
    return not SECOND_FACTORS.isdisjoint(methods)


def wants_second_factor(policy: SessionsPolicy, agency: Agency | None) -> bool:
    """Whether plate data and strange devices need a second factor (A3, G2).

    A demonstration and the platform's own people never do: neither has real plates.
    """
    if agency is None or agency.synthetic:
        return False
    return policy.second_factor == "always" or agency.mode == "live"


def demand_training(
    terminal: Terminal | None, roles: Collection[str], training_until: datetime | None, now: datetime
) -> None:
    """Raise Refused `training_missing` when somebody who uses plate data signs on at a workstation untrained (C1)."""
    trained = training_until is not None and training_until > now
    if terminal is not None and opens_plate_data(roles) and not trained:
        detail = "no workstation is operated before department-approved training; the training owner certifies it"
        raise Refused(detail, code="training_missing", clause="C1")


def is_far(others: Collection[Session], position: Position | None, policy: SessionsPolicy, now: datetime) -> bool:
    """Whether the person would have had to travel implausibly fast from another running session (A3).

    Only terminals of known position count. A terminal that stands still saw its person at the last act, a car at
    sign-on.
    """
    for other in others:
        if position is None or other.position is None or other.terminal is None:
            continue
        seen_at = other.began_at if other.terminal.kind == "car" else other.acted_at
        hours = max((now - seen_at).total_seconds() / 3_600, 1e-9)
        apart = kilometres(other.position, position)
        if apart > policy.implausible_beyond and apart / hours > policy.implausible_speed:
            return True
    return False


def kilometres(here: Position, there: Position) -> float:
    """The great-circle distance (haversine)."""
    north, south = math.radians(here.latitude), math.radians(there.latitude)
    east = math.radians(there.longitude - here.longitude)
    half = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


def shared_account() -> Refused:
    """The answer to a password alone where somebody else may use it."""
    detail = (
        "this account was not used from this device or place before, and a password alone does not show that it is you;"
        " sign on with a second factor, enrolled from a device that you have used, or ask an administrator for a reset"
    )
    return Refused(detail, code="shared_account", clause="A3")


def second_factor_owed() -> Unauthenticated:
    """The answer to a password alone that would change an account's second factors."""
    detail = "the account has a second factor: sign on with it before you add another or take one away"
    return Unauthenticated(detail, code="second_factor_owed", clause="G2")


def receives_hits(session: Session) -> bool:
    """Whether hits still arrive while it is locked (G2)."""
    return session.terminal is not None and session.terminal.kind in KEEPS_HITS


def token_ends(session: Session, policy: SessionsPolicy, now: datetime) -> datetime:
    """When a token that is issued now ends: after `TOKEN_LIFE`, but with the session, and never beyond its lock.

    A locked session's token, which only receives hits, ends after `TOKEN_LIFE` or with the session.
    """
    latest = min(now + TOKEN_LIFE, session.until)
    return latest if locked(session, policy, now) else min(latest, session.acted_at + policy.idle_lock)


def demand_running(session: Session, now: datetime) -> None:
    """Raise Unauthenticated `session_ended` when it was ended or has lasted its time (G2)."""
    if session.ended_at is not None or now >= session.until:
        raise Unauthenticated("the session has ended; sign on again", code="session_ended", clause="G2")


def session_locked(**who: Any) -> Unauthenticated:
    """The answer to whoever asks for a token of a locked session; `who` says whose it is."""
    detail = "the session is locked after idle time; POST /v1/session/unlock with your password opens it"
    return Unauthenticated(detail, code="session_locked", clause="G2", **who)


def new_refresh_token() -> str:
    """A fresh one, of 256 random bits."""
    return secrets.token_urlsafe(REFRESH_BYTES)


def digest(token: str) -> str:
    """As which a random token is kept, hex SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()
