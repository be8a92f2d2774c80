"""The HTTP bodies of trusted issuers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_access_audit.accounts.terminals.documents import SignedOnFrom

Text = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^\S(.*\S)?$")]
Url = Annotated[str, StringConstraints(min_length=8, max_length=512, pattern=r"^\S+$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^\S+$")]
Words = Annotated[list[Word], Field(max_length=20)]
Sent = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class IssuerDocument(Document):
    """An agency's trusted issuer, without its secret."""

    issuer: Url
    """The issuer identifier; `/.well-known/openid-configuration` below it says the rest."""
    client_id: Text
    username_claim: Word = "preferred_username"
    """Names the account at its first login; `email` counts only with `email_verified`."""
    second_factor_amr: Words = []
    second_factor_acr: Words = []
    """Words of `amr` and `acr` by which it asserts a second factor; without one ours is asked for."""
    passwords: bool = True
    """Whether people of the agency may log in by password beside it."""


class IssuerRequest(IssuerDocument):
    """An issuer as it is registered."""

    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] | None = None
    """Kept encrypted and never shown; left out: as before."""


class RegisteredDocument(IssuerDocument):
    """An issuer as it was registered, and whether it is trusted already (B2)."""

    status: Literal["in_force", "proposed"]
    proposal_id: str | None = None
    """Null: in force. A second person confirms it (`POST /v1/issuer/proposals/{proposal_id}/confirm`)."""
    proposed_by_name: str | None = None


class TrustedAgency(Document):
    """An agency whose people log in through an issuer."""

    agency_id: str
    agency: str


class IssuerAnswer(SignedOnFrom):
    """What the issuer sent the browser back with (RFC 6749 4.1.2, RFC 9207)."""

    state: Sent
    authorization_code: Sent
    iss: Url | None = None
    code: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """Of the second factor here, once it is asked for."""
    recovery_code: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """In place of `code`."""
