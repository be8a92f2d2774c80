"""Attacks on tokens: each is refused with 401 and a code, and no refusal repeats the token."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from jose import jwt
from standing import TestClock
from unit.common.tokens import AGENCY, KEY, OTHER, Claims, Issuer, claims_of, good, officer, refusal, segment

from platekeeper_common import auth
from platekeeper_common.auth import SigningKey, Verifier
from platekeeper_common.events.access import AccessRevoked
from platekeeper_common.ids import AgencyId


def signed(claims: Claims, key: SigningKey = KEY, **headers: Any) -> str:
    """What the holder of our key would sign."""
    return str(jwt.encode(claims, key.pem.decode(), algorithm="ES256", headers={"kid": KEY.kid, **headers}))


def public_key() -> ec.EllipticCurvePublicKey:
    private = serialization.load_pem_private_key(KEY.pem, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private.public_key()


async def test_a_token_says_who_it_was_issued_for(verifier: Verifier, clock: TestClock) -> None:
    assert await verifier.verify(good(clock)) == officer(clock)
    device = replace(
        officer(clock),
        kind="device",
        signed_on_at=None,
        training_until=None,
        approved_until=None,
        title=None,
        session=None,
    )
    token = auth.issue(device, KEY, issuer="platekeeper", audience="platekeeper")
    assert await verifier.verify(token) == device


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None])
async def test_an_unsigned_token(verifier: Verifier, clock: TestClock, algorithm: str | None) -> None:
    header = {"typ": "JWT", "kid": KEY.kid} | ({} if algorithm is None else {"alg": algorithm})
    bare = f"{segment(header)}.{segment(claims_of(clock))}."
    signature = good(clock).rpartition(".")[2]
    assert [await refusal(verifier, token) for token in (bare, bare + signature)] == ["token_invalid"] * 2


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize(
    "as_secret",
    [
        lambda key: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        lambda key: key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        lambda key: key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        lambda key: json.dumps(KEY.public()).encode(),
        lambda key: b"",
    ],
    ids=["pem", "der", "point", "jwk", "empty"],
)
async def test_a_token_that_takes_the_public_key_for_a_shared_secret(
    verifier: Verifier, clock: TestClock, algorithm: str, as_secret: Callable[[ec.EllipticCurvePublicKey], bytes]
) -> None:
    signing_input = f"{segment({'alg': algorithm, 'typ': 'JWT', 'kid': KEY.kid})}.{segment(claims_of(clock))}"
    digest = getattr(hashlib, f"sha{algorithm[2:]}")
    signature = hmac.new(as_secret(public_key()), signing_input.encode(), digest).digest()
    assert await refusal(verifier, f"{signing_input}.{segment(signature)}") == "token_invalid"


async def test_a_token_of_another_family_of_keys(verifier: Verifier, clock: TestClock) -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    forged = jwt.encode(claims_of(clock), pem.decode(), algorithm="RS256", headers={"kid": KEY.kid})
    assert await refusal(verifier, forged) == "token_invalid"


async def test_a_token_of_a_strange_key(verifier: Verifier, clock: TestClock) -> None:
    forged = signed(claims_of(clock), OTHER)
    strange = good(clock, OTHER)
    nameless = f"{segment({'alg': 'ES256', 'typ': 'JWT'})}.{strange.partition('.')[2]}"
    listed = f"{segment({'alg': 'ES256', 'kid': [KEY.kid]})}.{strange.partition('.')[2]}"
    tokens = (forged, strange, nameless, listed)
    assert [await refusal(verifier, token) for token in tokens] == ["token_invalid"] * 4


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": OTHER.public()},
        {"jku": "https://attacker.example/jwks.json"},
        {"x5u": "https://attacker.example/chain.pem"},
        {"x5c": ["MIIB"]},
    ],
    ids=["jwk", "jku", "x5u", "x5c"],
)
@pytest.mark.parametrize(
    "kid", [KEY.kid, OTHER.kid, "../../../dev/null", "' OR 1=1 --"], ids=["ours", "theirs", "a file", "a query"]
)
async def test_a_token_that_brings_its_own_key(
    verifier: Verifier, issuer: Issuer, clock: TestClock, header: Claims, kid: str
) -> None:
    assert await refusal(verifier, signed(claims_of(clock), OTHER, **(header | {"kid": kid}))) == "token_invalid"
    assert issuer.asked <= 1


async def test_a_token_that_demands_what_we_do_not_understand(verifier: Verifier, clock: TestClock) -> None:
    token = signed(claims_of(clock), crit=["b64"], b64=True)
    assert await refusal(verifier, token) == "token_invalid"


async def test_an_expired_token(verifier: Verifier, clock: TestClock) -> None:
    token = good(clock)
    clock.advance(minutes=9, seconds=59)
    await verifier.verify(token)
    clock.advance(seconds=1)
    assert await refusal(verifier, token) == "token_expired"


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "iss", "aud", "jti", "sub", "kind", "agency", "roles"])
async def test_a_token_that_lacks_a_claim(verifier: Verifier, clock: TestClock, claim: str) -> None:
    claims = claims_of(clock)
    del claims[claim]
    assert await refusal(verifier, signed(claims)) == "token_invalid"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": 1e300},
        {"exp": float("inf")},
        {"exp": []},
        {"iss": "another-platform"},
        {"iss": ["platekeeper"]},
        {"aud": "another-platform"},
        {"aud": ["platekeeper"]},
        {"aud": ["platekeeper", "another-platform"]},
        {"jti": ""},
        {"jti": None},
        {"nbf": 1e300},
        {"roles": None},
        {"kind": "root"},
        {"sub": None},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim(verifier: Verifier, clock: TestClock, claims: Claims) -> None:
    assert await refusal(verifier, signed(claims_of(clock) | claims)) == "token_invalid"


async def test_a_token_from_the_future(verifier: Verifier, clock: TestClock) -> None:
    ahead = TestClock(clock() + timedelta(seconds=30))
    assert await refusal(verifier, good(ahead)) == "token_invalid"
    clock.advance(seconds=29)
    assert (await verifier.verify(good(ahead))).username == "rivera"


async def test_a_tampered_token(verifier: Verifier, clock: TestClock) -> None:
    header, payload, signature = good(clock).split(".")
    promoted = segment(claims_of(clock) | {"roles": ["platform_administrator"]})
    flipped = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    der = segment(b"\x30\x06\x02\x01\x00\x02\x01\x00")
    tokens = [f"{header}.{promoted}.{signature}", f"{header}.{payload}.{flipped}", f"{header}.{payload}.{der}"]
    tokens += [f"{header}.{payload}.{segment(bytes(64))}", f"{header}.{payload}."]
    assert [await refusal(verifier, token) for token in tokens] == ["token_invalid"] * 5


async def test_what_is_no_token_at_all(verifier: Verifier, clock: TestClock) -> None:
    token = good(clock)
    header, payload, signature = token.split(".")
    odd = ["", ".", "..", "...", "a.b", "ü.ü.ü", "a" * 5_000]
    odd += [token[:-20], token[: len(header) + 1], f"{token}.{payload}"]
    headers: list[Any] = [[], "ES256", 7, None, b"\xff\xfe", b"[" * 20_000]
    odd += [f"{segment(header)}.{payload}.{signature}" for header in headers]
    assert [await refusal(verifier, one) for one in odd] == ["token_invalid"] * len(odd)


async def test_a_revoked_token(verifier: Verifier, clock: TestClock) -> None:
    first = good(clock)
    clock.advance(seconds=5)
    await verifier.revoke(AccessRevoked(agency_id=AGENCY, before=clock(), subject="account-7"))
    await verifier.revoke(AccessRevoked(agency_id=AGENCY, before=clock(), subject="account-8"))
    second = good(clock)
    assert await refusal(verifier, first) == "token_revoked"
    assert (await verifier.verify(second)).subject == "account-7"
    clock.advance(seconds=5)
    await verifier.revoke(AccessRevoked(agency_id=AgencyId("galt-pd"), before=clock()))
    await verifier.verify(second)
    await verifier.revoke(AccessRevoked(agency_id=AGENCY, before=clock()))
    assert await refusal(verifier, second) == "token_revoked"
