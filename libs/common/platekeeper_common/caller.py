"""Who is calling, and how a token says it.

The names of the claims are those of RFC 7519, RFC 8176 (`amr`), RFC 8693 (`act`) and RFC 9396; the rest are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from platekeeper_common import delegation, matter
from platekeeper_common.delegation import Delegation
from platekeeper_common.ids import AgencyId
from platekeeper_common.matter import Matter

TerminalKind = Literal["desk", "car", "dispatch", "phone"]
"""What a registered terminal is; a car's and a dispatcher's keep the hit board when they lock (G2)."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The registered workstation at which a person sits."""

    id: str
    kind: TerminalKind


@dataclass(frozen=True, slots=True)
class Office:
    """A post for which a person may act: as its holder, by delegation, or while it is vacant (B1, B3, B9)."""

    post: str
    acts: frozenset[str] | None = None
    """The actions of the post; None: all of them."""
    until: datetime | None = None
    """When it drops by itself."""
    authority: str | None = None
    """By what somebody acts who does not hold it: `delegation:<id>`, or `vacancy:<post>` (B9)."""

    def covers(self, post: str, act: str) -> bool:
        """Whether the act of that post is among them."""
        return self.post == post and (self.acts is None or act in self.acts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling: a person, a device with its token, or a service that acts for a person."""

    kind: Literal["person", "device", "delegated"]
    subject: str
    agency_id: AgencyId
    username: str
    name: str
    organisation: str
    expires_at: datetime
    issued_at: datetime
    roles: frozenset[str] = frozenset()
    title: str | None = None
    session: str | None = None
    signed_on_at: datetime | None = None
    training_until: datetime | None = None
    """Until when the training that the person had at sign-on is valid; None: no completed training, no data (C2)."""
    approved_until: datetime | None = None
    """Until when the approval that the person had at sign-on opens plate data; None: nobody approved it (A8)."""
    delegation: Delegation | None = None
    """Who acts for the person and within which approved request; only where `kind` is `delegated`."""
    methods: tuple[str, ...] = ()
    """How the person signed on (RFC 8176): `pwd`, `otp`, `hwk` ..."""
    terminal: Terminal | None = None
    """None: on no registered terminal."""
    second_factor_owed: bool = False
    """The agency's policy wants a second factor for plate data, and the person signed on without (G2)."""
    locked: bool = False
    """The session is idle on a car's or a dispatcher's terminal: it receives hits and does nothing else (G2)."""
    matter: Matter | None = None
    """The matter session that the person chose (A4)."""
    entitlements: frozenset[str] = frozenset()
    """Sources beside the own plate data that the person may see: `dept`, `state`, `federal`, `clets` (D1)."""

    offices: tuple[Office, ...] = ()
    """Posts for which the person may act now (B1 to B3)."""
    office: Office | None = None
    """Of these, the one that the act in hand was allowed for; the decision says it, a token never does."""

    @property
    def trained(self) -> bool:
        """Whether the holder had valid training at sign-on (C2)."""
        return (
            self.training_until is not None
            and self.signed_on_at is not None
            and self.training_until > self.signed_on_at
        )

    @property
    def approved(self) -> bool:
        """Whether the holder's access was approved at sign-on (A8)."""
        return (
            self.approved_until is not None
            and self.signed_on_at is not None
            and self.approved_until > self.signed_on_at
        )

    def acting_for(self, office: Office | None) -> "Caller":
        """The same, in an act that was allowed for that office; its access record names it (B3)."""
        return self if office == self.office else replace(self, office=office)

    def claims(self) -> dict[str, Any]:
        """What a token says of the caller, and between which moments (RFC 7519 4.1)."""
        return {
            "sub": self.subject,
            "iat": _seconds(self.issued_at),
            "nbf": _seconds(self.issued_at),
            "exp": _seconds(self.expires_at),
            "kind": self.kind,
            "agency": self.agency_id,
            "username": self.username,
            "name": self.name,
            "organisation": self.organisation,
            "roles": sorted(self.roles),
            "title": self.title,
            "session": self.session,
            "auth_time": _seconds(self.signed_on_at),
            "training_until": _seconds(self.training_until),
            "approved_until": _seconds(self.approved_until),
            "amr": list(self.methods),
            "terminal": {"id": self.terminal.id, "kind": self.terminal.kind} if self.terminal else None,
            "second_factor_owed": self.second_factor_owed,
            "locked": self.locked,
            "matter": self.matter.claim() if self.matter else None,
            "entitlements": sorted(self.entitlements),
            "offices": [
                {
                    "post": one.post,
                    "acts": None if one.acts is None else sorted(one.acts),
                    "until": _seconds(one.until),
                    "authority": one.authority,
                }
                for one in self.offices
            ],
            **(self.delegation.claims() if self.delegation else {}),
        }


def of_claims(claims: Mapping[str, Any], now: datetime) -> Caller:
    """The caller whom the claims of a verified token state; posts that have ended at `now` are left out.

    Raises KeyError, TypeError, ValueError or OverflowError when they lack what ours hold or say what we never would.
    """
    delegated = delegation.of_claims(claims)
    if claims["kind"] not in (("person", "device") if delegated is None else ("delegated",)):
        raise ValueError("the token is of no kind that we issue")
    return Caller(
        kind=claims["kind"],
        subject=claims["sub"],
        agency_id=AgencyId(claims["agency"]),
        username=claims["username"],
        name=claims["name"],
        organisation=claims["organisation"],
        issued_at=_moment(claims["iat"]),
        expires_at=_moment(claims["exp"]),
        roles=frozenset(claims["roles"]),
        title=claims.get("title"),
        session=claims.get("session"),
        signed_on_at=_optional(claims.get("auth_time")),
        training_until=_optional(claims.get("training_until")),
        approved_until=_optional(claims.get("approved_until")),
        delegation=delegated,
        methods=tuple(claims.get("amr") or ()),
        terminal=_terminal(claims.get("terminal")),
        second_factor_owed=bool(claims.get("second_factor_owed")),
        locked=bool(claims.get("locked")),
        matter=matter.of_claim(claims.get("matter")),
        entitlements=frozenset(claims.get("entitlements") or ()),
        offices=tuple(filter(lambda one: one.until is None or one.until > now, _offices(claims))),
    )


def _terminal(claim: Mapping[str, Any] | None) -> Terminal | None:
    return None if claim is None else Terminal(str(claim["id"]), claim["kind"])


def _offices(claims: Mapping[str, Any]) -> tuple[Office, ...]:
    return tuple(
        Office(
            one["post"],
            None if one["acts"] is None else frozenset(one["acts"]),
            _optional(one["until"]),
            one.get("authority"),
        )
        for one in claims.get("offices") or ()
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _optional(seconds: float | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)
