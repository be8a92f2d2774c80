"""The rules of passkeys: what is asked of an authenticator, and whether its answer proves who is there.

W3C WebAuthn level 2, 7.1 (registration) and 7.2 (assertion). User verification is always required: the authenticator
asks for a PIN or a finger, which makes a passkey two factors. Nothing is asked about the authenticator's make.
"""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from platekeeper_common.errors import Conflict, Invalid, Unauthenticated
from platekeeper_common.ids import PLATFORM_NAME

METHODS = ("hwk", "user")
"""How a token says that its holder came with a passkey (RFC 8176): a key, and a person who was verified."""
CHALLENGE_LIFE = timedelta(minutes=5)
MOST_PASSKEYS = 10
"""Of one person."""
_BROKEN = (WebAuthnException, ValueError, KeyError, TypeError)

Purpose = Literal["register", "login", "unlock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A public key that one account can sign on with."""

    id: str
    """The credential's id, base64url."""
    account_id: str
    name: str
    public_key: bytes
    """COSE."""
    sign_count: int
    """The highest that the authenticator has said; 0 where it does not count."""
    registered_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """Random bytes that one answer of an authenticator signs; used once, within CHALLENGE_LIFE."""

    id: str
    purpose: Purpose
    account_id: str | None
    """Whose answer it waits for; None: anybody's, at login."""
    secret: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """An authenticator's answer as it was sent, and the challenge that it names (a WebAuthn credential as JSON)."""

    challenge_id: str
    credential: Mapping[str, Any]

    @property
    def passkey_id(self) -> str:
        """Which passkey it claims to be."""
        return str(self.credential.get("id"))


def relying_party(origin: str) -> str:
    """The host name that passkeys are bound to (WebAuthn 5.4.2).

    Raises Conflict `passkeys_need_host_name`: browsers offer no passkeys to an IP address.
    """
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    detail = (
        f"passkeys need a host name, and the platform is opened at the IP address {host}: "
        "set PLATEKEEPER_ACCOUNTS_ORIGIN to an origin with a name"
    )
    raise Conflict(detail, code="passkeys_need_host_name", clause="G2")


def demand_open(challenge: Challenge | None, purpose: Purpose, account_id: str | None, now: datetime) -> Challenge:
    """The challenge, when it was made for this. Raises Unauthenticated `challenge_unknown`."""
    if challenge is None or (challenge.purpose, challenge.account_id) != (purpose, account_id):
        raise _challenge_unknown()
    if challenge.expires_at <= now:
        raise _challenge_unknown()
    return challenge


def demand_few(passkeys: Sequence[Passkey]) -> None:
    """Raise Conflict `too_many_passkeys`."""
    if len(passkeys) >= MOST_PASSKEYS:
        raise Conflict(f"you have {MOST_PASSKEYS} passkeys; remove one first", code="too_many_passkeys", clause="G2")


def registration_options(
    origin: str, challenge: bytes, *, account_id: str, username: str, name: str, known: Sequence[Passkey]
) -> dict[str, Any]:
    """What `navigator.credentials.create` is given, as JSON. The user handle is the account's id: no personal data."""
    asked = webauthn.generate_registration_options(
        rp_id=relying_party(origin),
        rp_name=PLATFORM_NAME,
        user_id=account_id.encode(),
        user_name=username,
        user_display_name=name,
        challenge=challenge,
        timeout=_milliseconds(CHALLENGE_LIFE),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(known),
    )
    return dict(json.loads(webauthn.options_to_json(asked)))


def login_options(origin: str, challenge: bytes, known: Sequence[Passkey] = ()) -> dict[str, Any]:
    """What `navigator.credentials.get` is given, as JSON. Without `known` the authenticator offers whom it holds."""
    asked = webauthn.generate_authentication_options(
        rp_id=relying_party(origin),
        challenge=challenge,
        timeout=_milliseconds(CHALLENGE_LIFE),
        allow_credentials=_described(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(json.loads(webauthn.options_to_json(asked)))


def registered(
    origin: str, challenge: Challenge, proof: Proof, *, account_id: str, name: str, now: datetime
) -> Passkey:
    """The new passkey that the proof carries. Raises Invalid `passkey_not_proved`."""
    try:
        proved = webauthn.verify_registration_response(
            credential=dict(proof.credential),
            expected_challenge=challenge.secret,
            expected_rp_id=relying_party(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except _BROKEN as error:
        detail = f"the passkey was not taken: {error}; begin again from {origin}"
        raise Invalid(detail, code="passkey_not_proved", clause="G2") from error
    return Passkey(
        id=bytes_to_base64url(proved.credential_id),
        account_id=account_id,
        name=name,
        public_key=proved.credential_public_key,
        sign_count=proved.sign_count,
        registered_at=now,
    )


def proved_count(origin: str, challenge: Challenge, proof: Proof, passkey: Passkey) -> int:
    """The signature counter of an answer that the passkey gave to the challenge, its person verified.

    Raises Unauthenticated: `passkey_wrong`, or `passkey_copied` when the counter has not risen (WebAuthn 7.2, 21).
    """
    try:
        _demand_handle(proof, passkey)
        proved = webauthn.verify_authentication_response(
            credential=dict(proof.credential),
            expected_challenge=challenge.secret,
            expected_rp_id=relying_party(origin),
            expected_origin=origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _BROKEN as error:
        raise passkey_wrong() from error
    counts = proved.new_sign_count or passkey.sign_count
    if counts and proved.new_sign_count <= passkey.sign_count:
        detail = "the passkey's counter has not risen, so there may be a copy; remove it and register another"
        raise Unauthenticated(detail, code="passkey_copied", clause="G2")
    return proved.new_sign_count


def passkey_wrong() -> Unauthenticated:
    """The one answer to an unknown passkey, a wrong signature and a disabled account."""
    return Unauthenticated("this passkey opens no account here", code="passkey_wrong", clause="G2")


def _demand_handle(proof: Proof, passkey: Passkey) -> None:
    """Raise ValueError when the authenticator says that it holds the key for another account (7.2, 6)."""
    handle = proof.credential["response"].get("userHandle")
    if handle is not None and base64url_to_bytes(handle) != passkey.account_id.encode():
        raise ValueError("the user handle is another account's")


def _described(known: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.id)) for one in known]


def _challenge_unknown() -> Unauthenticated:
    detail = "the challenge is unknown, too old or used already; begin again"
    return Unauthenticated(detail, code="challenge_unknown", clause="G2")


def _milliseconds(life: timedelta) -> int:
    return int(life.total_seconds() * 1000)
