"""Tokens that are not ours, tried at the gateway and at the services behind it: both refuse each in the same word."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from door import Door, door, person

from platekeeper_common.auth import SigningKey
from platekeeper_common.clock import utc_now

STRANGE = SigningKey.make()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256: numbers of a signature are below it."""
Attack = Callable[[Door], str]
ATTACKS: dict[str, tuple[Attack, str]] = {}
"""By name: what makes the token, and the code that refuses it."""


def attack(code: str = "token_invalid") -> Callable[[Attack], Attack]:
    def listed(make: Attack) -> Attack:
        ATTACKS[make.__name__] = (make, code)
        return make

    return listed


def text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signing_input(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(text(json.dumps(part).encode()) for part in (header, claims))


def claims(here: Door, **changed: Any) -> dict[str, Any]:
    """The claims of a good token; a value of `...` leaves the claim out."""
    payload = here.token(person("administrator")).split(".")[1]
    told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) | changed
    return {name: value for name, value in told.items() if value is not ...}


def es256(key: SigningKey, signed: str) -> bytes:
    private = serialization.load_pem_private_key(key.pem, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signed(here: Door, key: SigningKey | None = None, header: dict[str, Any] | None = None, **changed: Any) -> str:
    """A token with a sound ES256 signature, by our key unless another is given."""
    key = key or here.keys.current()
    told = {"alg": "ES256", "typ": "JWT", "kid": here.keys.current().kid} | (header or {})
    head = signing_input({name: value for name, value in told.items() if value is not ...}, claims(here, **changed))
    return f"{head}.{text(es256(key, head))}"


def resigned(here: Door, signature: bytes) -> str:
    return f"{signed(here).rpartition('.')[0]}.{text(signature)}"


def public(here: Door, encoding: serialization.Encoding) -> bytes:
    private = serialization.load_pem_private_key(here.keys.current().pem, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def hs256(here: Door, secret: bytes) -> str:
    head = signing_input({"alg": "HS256", "typ": "JWT", "kid": here.keys.current().kid}, claims(here))
    return f"{head}.{text(hmac.digest(secret, head.encode(), hashlib.sha256))}"


def list_attack(name: str, make: Attack, code: str = "token_invalid") -> None:
    ATTACKS[name] = (make, code)


def list_unsigned(alg: str) -> None:
    list_attack(f"alg {alg}", lambda here: f"{signed(here, header={'alg': alg}).rpartition('.')[0]}.")
    list_attack(f"alg {alg} with a sound signature", lambda here: signed(here, header={"alg": alg}))


def list_claims(**changed: Any) -> None:
    said = json.dumps(changed, default=lambda _: "absent")
    list_attack(f"claims {said}", lambda here: signed(here, **changed))


def list_signature(name: str, signature: bytes) -> None:
    list_attack(f"signature {name}", lambda here: resigned(here, signature))


def list_kid(kid: Any) -> None:
    list_attack(f"kid {'absent' if kid is ... else kid!r}", lambda here: signed(here, header={"kid": kid}))


for alg in ("none", "None", "NONE", "HS256", "ES384"):
    list_unsigned(alg)
for claim in ("iss", "aud", "sub", "jti", "iat", "nbf", "exp", "kind", "agency", "username", "name", "organisation"):
    list_claims(**{claim: ...})
for wrong in (["platekeeper"], ["platekeeper", "x"], [], "elsewhere", {"platekeeper": 1}, None, ""):
    list_claims(aud=wrong)
for wrong in ("elsewhere", "", None):
    list_claims(iss=wrong)
list_claims(jti="")
list_claims(exp=None)
list_claims(kind="service")
# The gateway takes this moment for past, the service for none.
list_attack("claims exp beyond time", lambda here: signed(here, exp=1e300), "")
for name, (r, s) in {
    "zero": (0, 0),
    "r zero": (0, 5),
    "s zero": (5, 0),
    "r the order": (ORDER, 5),
    "s the order": (5, ORDER),
    "all ones": (2**256 - 1, 2**256 - 1),
    "s all ones": (5, 2**256 - 1),
}.items():
    list_signature(name, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
for length in (0, 1, 32, 63, 65, 70, 96, 128, 256):
    list_signature(f"of {length} bytes", b"\x30" * length)
for kid in ("", "nobody's", "../ca", "loaded:", 7, None, ...):
    list_kid(kid)


@attack()
def hs256_with_the_public_key_as_pem(here: Door) -> str:
    return hs256(here, public(here, serialization.Encoding.PEM))


@attack()
def hs256_with_the_public_key_as_der(here: Door) -> str:
    return hs256(here, public(here, serialization.Encoding.DER))


@attack()
def another_key_under_our_kid(here: Door) -> str:
    return signed(here, STRANGE)


@attack()
def jku_of_a_strange_key(here: Door) -> str:
    return signed(here, STRANGE, {"kid": STRANGE.kid, "jku": "http://127.0.0.1:9/jwks.json"})


@attack()
def jku_under_our_kid(here: Door) -> str:
    return signed(here, STRANGE, {"jku": "http://127.0.0.1:9/jwks.json"})


@attack()
def jwk_in_the_header(here: Door) -> str:
    return signed(here, STRANGE, {"jwk": STRANGE.public()})


@attack()
def critical_extension(here: Door) -> str:
    return signed(here, header={"crit": ["b64"], "b64": False})


@attack("token_expired")
def expired(here: Door) -> str:
    return signed(here, exp=utc_now().timestamp() - 60)


@attack()
def not_yet_valid(here: Door) -> str:
    return signed(here, nbf=utc_now().timestamp() + 60)


@attack()
def tampered_claims(here: Door) -> str:
    header, _, signature = signed(here).split(".")
    payload = text(json.dumps(claims(here, roles=["platform_administrator"])).encode())
    return f"{header}.{payload}.{signature}"


@attack()
def tampered_signature(here: Door) -> str:
    head, _, signature = signed(here).rpartition(".")
    return f"{head}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"


@attack()
def rs256_under_our_kid(here: Door) -> str:
    head = signing_input({"alg": "RS256", "kid": here.keys.current().kid}, claims(here))
    return f"{head}.{text(RSA.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@attack()
def rs256_signature_called_es256(here: Door) -> str:
    head = signing_input({"alg": "ES256", "kid": here.keys.current().kid}, claims(here))
    return f"{head}.{text(RSA.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@attack()
def a_fourth_part(here: Door) -> str:
    return f"{signed(here)}.AAAA"


@attack()
def no_token_at_all(here: Door) -> str:
    return "x"


@pytest.mark.clause("G2")
@pytest.mark.parametrize("through", ["gateway", "service"])
def test_a_token_that_is_not_ours_opens_no_door(through: str) -> None:
    here = door()
    with here.client(getattr(here, through)) as attacker, here.client(getattr(here, through)) as other:
        for name, (make, code) in ATTACKS.items():
            answer = attacker.get("/v1/devices", headers={"Authorization": f"Bearer {make(here)}"})
            assert (answer.status_code, answer.json()["code"]) == (401, code or answer.json()["code"]), name
            assert answer.headers["content-type"] == "application/problem+json"
            # Nor does it harm the next request on this connection or on another.
            for client in (attacker, other):
                assert client.get("/v1/devices").json()["code"] == "token_missing", name


@pytest.mark.parametrize("through", ["gateway", "service"])
def test_a_token_that_is_ours_does(through: str) -> None:
    here = door()
    with here.client(getattr(here, through)) as client:
        for _ in range(20):
            assert client.get("/v1/devices", headers=here.bearer("administrator")).status_code == 200
        assert client.get("/v1/devices").json()["code"] == "token_missing"
