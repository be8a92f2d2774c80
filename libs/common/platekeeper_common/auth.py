"""Tokens: the one wrapper around python-jose, and who a token says is calling.

ES256 only (RFC 7518 3.4), `exp iss aud jti` required and compared here, keys by `kid` from the issuer's JWKS (RFC 7517)
and never from a token's own header. The library skips `exp` when it is absent and guesses the algorithm when no list
is given: both are closed here, and the same attacks are tried against this door in the tests.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt
from jose.exceptions import JOSEError

from platekeeper_common import delegation, ids, matter
from platekeeper_common.clock import Clock
from platekeeper_common.delegation import Delegation
from platekeeper_common.errors import Busy, Unauthenticated
from platekeeper_common.events.access import AccessRevoked
from platekeeper_common.events.envelope import Event
from platekeeper_common.ids import AgencyId
from platekeeper_common.matter import Matter

ALGORITHM = "ES256"
TOKEN_LIFE = timedelta(minutes=10)
REFETCH_AFTER = timedelta(seconds=10)
"""An unknown `kid` asks the issuer again at most this often."""

_COMPARED_HERE = {"verify_aud": False, "verify_exp": False, "verify_nbf": False}
"""The library compares moments with the machine's clock and skips what is absent; `_caller` does it with ours."""

KeySet = Mapping[str, Any]
"""A JWKS document."""


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


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An EC P-256 private key and its name."""

    kid: str
    pem: bytes

    @classmethod
    def make(cls) -> "SigningKey":
        """A fresh key."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(ids.new(), pem)

    def public(self) -> dict[str, Any]:
        """The public half as a JWK."""
        document: dict[str, Any] = jwk.construct(self.pem.decode(), ALGORITHM).public_key().to_dict()
        return document | {"kid": self.kid, "use": "sig", "alg": ALGORITHM}


def issue(caller: Caller, key: SigningKey, *, issuer: str, audience: str) -> str:
    """A signed token that says `caller`."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": caller.subject,
        "jti": ids.new(),
        "iat": _seconds(caller.issued_at),
        "nbf": _seconds(caller.issued_at),
        "exp": _seconds(caller.expires_at),
        "kind": caller.kind,
        "agency": caller.agency_id,
        "username": caller.username,
        "name": caller.name,
        "organisation": caller.organisation,
        "roles": sorted(caller.roles),
        "title": caller.title,
        "session": caller.session,
        "auth_time": _seconds(caller.signed_on_at),
        "training_until": _seconds(caller.training_until),
        "approved_until": _seconds(caller.approved_until),
        "amr": list(caller.methods),
        "terminal": {"id": caller.terminal.id, "kind": caller.terminal.kind} if caller.terminal else None,
        "second_factor_owed": caller.second_factor_owed,
        "locked": caller.locked,
        "matter": caller.matter.claim() if caller.matter else None,
        "entitlements": sorted(caller.entitlements),
        "offices": [
            {"post": one.post, "acts": None if one.acts is None else sorted(one.acts), "until": _seconds(one.until)}
            for one in caller.offices
        ],
        **(caller.delegation.claims() if caller.delegation else {}),
    }
    return str(jwt.encode(claims, key.pem.decode(), algorithm=ALGORITHM, headers={"kid": key.kid}))


class Verifier:
    """Verifies tokens of one issuer for one audience."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[KeySet]],
        *,
        issuer: str,
        audience: str,
        clock: Clock,
        cache: Path | None = None,
    ) -> None:
        """`fetch` gets the issuer's JWKS; `cache` is a file that outlives a restart while the issuer is away."""
        self._fetch = fetch
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._cache = cache
        self._keys: dict[str, Any] = {}
        self._fetched_at: datetime | None = None
        self._fetching = asyncio.Lock()
        self._revoked: dict[str, datetime] = {}
        self._ended: dict[str, datetime] = {}
        """Sessions that were ended, and when; forgotten once no token of theirs can be left."""

    async def learn(self) -> None:
        """Get the issuer's keys, or while it is away those of the last time. Raises Busy `keys_unavailable`."""
        async with self._fetching:
            if not self._keys:
                self._take(await self._document())

    async def revoke(self, event: Event) -> None:
        """Follow `access.revoked`: tokens issued before the moment, or of sessions that ended, are worth nothing."""
        assert isinstance(event, AccessRevoked)  # noqa: S101 - the topic carries nothing else
        if event.sessions:
            self._ended |= dict.fromkeys(event.sessions, event.before)
            for session in [one for one, at in self._ended.items() if at + 2 * TOKEN_LIFE < self._clock()]:
                del self._ended[session]
            return
        known = self._revoked.get(event.key, event.before)
        self._revoked[event.key] = max(known, event.before)

    async def verify(self, token: str) -> Caller:
        """Who the token says is calling. Raises Unauthenticated with the code of what is wrong."""
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("alg") != ALGORITHM or "crit" in header or not isinstance(kid, str):
                raise Unauthenticated("the token is not signed as ours are", code="token_invalid", clause="G2")
            key = await self._key(kid)
            claims = jwt.decode(token, key, algorithms=[ALGORITHM], options=_COMPARED_HERE)
        except JOSEError as error:
            raise Unauthenticated("the token is not one of ours", code="token_invalid", clause="G2") from error
        return self._caller(claims)

    def demand_valid(self, caller: Caller) -> None:
        """Return while the token of a caller who was verified before is still worth something.

        Raises Unauthenticated `token_expired` or `token_revoked`. Costs no cryptography: open streams ask every second.
        """
        if caller.expires_at <= self._clock():
            raise Unauthenticated("the token has expired; log in again", code="token_expired", clause="G2")
        if self._is_revoked(caller):
            raise Unauthenticated("the token has been revoked; log in again", code="token_revoked", clause="G2")

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        now = self._clock()
        try:
            delegated = delegation.of_claims(claims)
            kinds = ("person", "device") if delegated is None else ("delegated",)
            if claims["kind"] not in kinds:
                raise Unauthenticated("the token is of no kind that we issue", code="token_invalid", clause="G2")
            if claims["iss"] != self._issuer or claims["aud"] != self._audience or not claims["jti"]:
                raise Unauthenticated("the token was made for another platform", code="token_invalid", clause="G2")
            caller = Caller(
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
            not_before = _moment(claims["nbf"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise Unauthenticated("the token lacks what ours hold", code="token_invalid", clause="G2") from error
        self.demand_valid(caller)
        # A second of grace: `nbf` is in whole seconds and clocks of two machines differ.
        if not_before > now + timedelta(seconds=1):
            raise Unauthenticated("the token is not valid yet", code="token_invalid", clause="G2")
        return caller

    def _is_revoked(self, caller: Caller) -> bool:
        keys = (f"{caller.agency_id}/{caller.subject}", f"{caller.agency_id}/*")
        before = [self._revoked[key] for key in keys if key in self._revoked]
        return caller.session in self._ended or any(caller.issued_at < moment for moment in before)

    async def _key(self, kid: str) -> Any:
        if kid not in self._keys:
            async with self._fetching:
                if kid not in self._keys and self._may_fetch():
                    self._take(await self._document())
        if kid not in self._keys:
            raise Unauthenticated(
                "the token is signed with a key that we do not know", code="token_invalid", clause="G2"
            )
        return self._keys[kid]

    def _may_fetch(self) -> bool:
        return self._fetched_at is None or self._clock() - self._fetched_at >= REFETCH_AFTER

    async def _document(self) -> KeySet:
        try:
            document = await self._fetch()
        except OSError as error:
            if self._cache is None or not self._cache.exists():
                raise Busy("the keys of the login service cannot be had", code="keys_unavailable") from error
            return dict(json.loads(self._cache.read_text()))
        self._fetched_at = self._clock()
        if self._cache is not None:
            # The copy serves a restart; that it cannot be kept is no reason to know nobody.
            with suppress(OSError):
                self._cache.parent.mkdir(parents=True, exist_ok=True)
                # Renamed into place: several processes of one machine share the file.
                part = self._cache.with_name(f".{self._cache.name}.{secrets.token_hex(4)}")
                part.write_text(json.dumps(document))
                part.rename(self._cache)
        return document

    def _take(self, document: KeySet) -> None:
        self._keys = {
            key["kid"]: jwk.construct(key, ALGORITHM)
            for key in document.get("keys", ())
            if key.get("alg") == ALGORITHM and key.get("kty") == "EC" and isinstance(key.get("kid"), str)
        }


def _terminal(claim: Mapping[str, Any] | None) -> Terminal | None:
    return None if claim is None else Terminal(str(claim["id"]), claim["kind"])


def _offices(claims: Mapping[str, Any]) -> tuple[Office, ...]:
    return tuple(
        Office(one["post"], None if one["acts"] is None else frozenset(one["acts"]), _optional(one["until"]))
        for one in claims.get("offices") or ()
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _optional(seconds: float | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)
