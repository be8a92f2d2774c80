"""The rules of sessions: how long one lasts, when it locks, and when its tokens end (clause G2)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from platekeeper_access_audit.accounts.policy import SessionsPolicy
from platekeeper_common.auth import TOKEN_LIFE, Terminal
from platekeeper_common.errors import Unauthenticated
from platekeeper_common.ids import AgencyId
from platekeeper_common.matter import Matter

KEEPS_HITS = ("car", "dispatch")
"""Kinds of terminals at which a locked session still receives hits (G2)."""
REFRESH_BYTES = 32


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
    terminal: Terminal | None = None
    matter: Matter | None = None
    """The purpose and matter chosen last (A4)."""
    ended_at: datetime | None = None
    ended_because: str | None = None


def locked(session: Session, policy: SessionsPolicy, now: datetime) -> bool:
    """Whether nobody has acted in it for as long as locks it."""
    return now - session.acted_at >= policy.idle_lock


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


def session_locked(**who: str) -> Unauthenticated:
    """The answer to whoever asks for a token of a locked session; `who` says whose it is."""
    detail = "the session is locked after idle time; POST /v1/session/unlock with your password opens it"
    return Unauthenticated(detail, code="session_locked", clause="G2", **who)


def new_refresh_token() -> str:
    """A fresh one, of 256 random bits."""
    return secrets.token_urlsafe(REFRESH_BYTES)


def digest(token: str) -> str:
    """As which a random token is kept, hex SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()
