"""Tokens: the one wrapper around python-jose.

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
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt
from jose.exceptions import JOSEError

from platekeeper_common import ids
from platekeeper_common.caller import Caller, of_claims
from platekeeper_common.clock import Clock
from platekeeper_common.errors import Busy, Unauthenticated
from platekeeper_common.events.access import AccessRevoked
from platekeeper_common.events.envelope import Event

ALGORITHM = "ES256"
TOKEN_LIFE = timedelta(minutes=10)
REFETCH_AFTER = timedelta(seconds=10)
"""An unknown `kid` asks the issuer again at most this often."""
LEARN_AGAIN_AFTER = timedelta(minutes=10)
"""A new key is published for longer before its first use, so it is known although the issuer is away by then."""

_COMPARED_HERE = {"verify_aud": False, "verify_exp": False, "verify_nbf": False}
"""The library compares moments with the machine's clock and skips what is absent; `_caller` does it with ours."""

KeySet = Mapping[str, Any]
"""A JWKS document."""


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
    claims = {"iss": issuer, "aud": audience, "jti": ids.new(), **caller.claims()}
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
        """Get the issuer's keys, or while it is away those of the last time; again every LEARN_AGAIN_AFTER.

        Raises Busy `keys_unavailable` when none are known.
        """
        async with self._fetching:
            if self._keys and not self._knew_long_ago():
                return
            try:
                self._take(await self._document())
            except Busy:
                if not self._keys:
                    raise

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
        """Who the token says is calling.

        Raises Unauthenticated with the code of what is wrong, and Busy `keys_unavailable` when the key is none of those
        known and the login service does not tell of others now.
        """
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
            if claims["iss"] != self._issuer or claims["aud"] != self._audience or not claims["jti"]:
                raise Unauthenticated("the token was made for another platform", code="token_invalid", clause="G2")
            caller = of_claims(claims, now)
            not_before = datetime.fromtimestamp(claims["nbf"], UTC)
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
        if kid not in self._keys and self._may_fetch():  # accounts were asked just now, and did not answer
            raise _no_keys()
        if kid not in self._keys:
            raise Unauthenticated(
                "the token is signed with a key that we do not know", code="token_invalid", clause="G2"
            )
        return self._keys[kid]

    def _knew_long_ago(self) -> bool:
        return self._fetched_at is None or self._clock() - self._fetched_at >= LEARN_AGAIN_AFTER

    def _may_fetch(self) -> bool:
        return self._fetched_at is None or self._clock() - self._fetched_at >= REFETCH_AFTER

    async def _document(self) -> KeySet:
        try:
            document = await self._fetch()
        except OSError as error:
            if self._cache is None or not self._cache.exists():
                raise _no_keys() from error
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


def _no_keys() -> Busy:
    return Busy("the keys of the login service cannot be had", code="keys_unavailable")
