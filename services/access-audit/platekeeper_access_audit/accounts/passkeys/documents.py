"""The HTTP bodies of passkeys."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_access_audit.accounts.terminals.documents import SignedOnFrom

Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^\S(.*\S)?$")]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Base64url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=8_000)]


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class PasskeyOptions(Document):
    """What the browser is given."""

    challenge_id: str
    origin: str
    """Where the page must have been opened: elsewhere browsers offer no passkey of ours."""
    options: dict[str, Any]
    """`PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` (WebAuthn level 3, 5.1)."""


class _Answer(BaseModel):
    """What an authenticator says; browsers add fields of their own, which are ignored."""

    model_config = ConfigDict(extra="ignore")


class Attestation(_Answer):
    """Of a new passkey."""

    clientDataJSON: Base64url  # noqa: N815 - the standard's own names
    attestationObject: Base64url  # noqa: N815


class Assertion(_Answer):
    """Of a passkey that signs on."""

    clientDataJSON: Base64url  # noqa: N815
    authenticatorData: Base64url  # noqa: N815
    signature: Base64url
    userHandle: Base64url | None = None  # noqa: N815


class _Credential(_Answer):
    id: Annotated[Base64url, Field(min_length=1, max_length=1_400)]
    """WebAuthn 5.1: at most 1023 bytes."""
    rawId: Base64url  # noqa: N815
    type: Literal["public-key"]


class NewCredential(_Credential):
    """`RegistrationResponseJSON`."""

    response: Attestation


class UsedCredential(_Credential):
    """`AuthenticationResponseJSON`."""

    response: Assertion


class PasskeyRequest(Document):
    """A new passkey."""

    challenge_id: Id
    name: Name
    """What its owner calls it."""
    credential: NewCredential


class PasskeyLogin(SignedOnFrom):
    """A passkey's answer."""

    challenge_id: Id
    credential: UsedCredential


class PasskeyUnlock(Document):
    """A passkey's answer for a locked session."""

    challenge_id: Id
    credential: UsedCredential
    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    """Where no cookie holds it."""


class PasskeyDocument(Document):
    """A passkey as its owner sees it."""

    id: str
    name: str
    registered_at: datetime
    used_at: datetime | None
