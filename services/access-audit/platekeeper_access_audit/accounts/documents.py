"""The HTTP bodies of accounts."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_access_audit.accounts.agency_names import AgencyName
from platekeeper_access_audit.accounts.terminals.documents import SignedOnFrom
from platekeeper_common.lines import readable
from platekeeper_common.moments import Instant

Line = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^\S(.*\S)?$"), AfterValidator(readable)]
Username = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{1,62}[a-z0-9]$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class LoginRequest(SignedOnFrom):
    """What a person types."""

    username: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=64)]
    password: Password
    code: Code | None = None
    """Of the second factor, once it is enrolled."""
    new_password: Password | None = None
    """Changes the password; a one-time password must be changed so."""
    recovery_code: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """In place of `code`, when the authenticator application is lost."""


class DeviceTokenRequest(Document):
    """What a device presents."""

    device_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    secret: Password


class Token(Document):
    """RFC 6750."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of the scheme
    expires_in: int
    """Seconds."""


class ExchangeRequest(Document):
    """RFC 8693 2.1, as a form; all of it is needed."""

    grant_type: Literal["urn:ietf:params:oauth:grant-type:token-exchange"]
    subject_token: Annotated[str, StringConstraints(min_length=1, max_length=8_000)]
    subject_token_type: Literal["urn:ietf:params:oauth:token-type:access_token"]
    actor_token: Password
    """The acting service's secret."""
    actor_token_type: Literal["urn:platekeeper:token-type:service-secret"]
    scope: Annotated[str, StringConstraints(pattern=r"^release:\S{1,64}$")]
    authorization_details: Annotated[str, StringConstraints(max_length=20_000)]
    """RFC 9396: a JSON array of one object, `type` `release`, `request`, and the approved scope."""


class DelegatedToken(Token):
    """RFC 8693 2.2.1."""

    issued_token_type: Literal["urn:ietf:params:oauth:token-type:access_token"] = (
        "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
    )
    scope: str


class AgencyDocument(Document):
    """An agency as it is opened."""

    id: AgencyName
    name: Line
    ori: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{9}$")]
    """Originating agency identifier."""
    time_zone: Annotated[str, StringConstraints(max_length=64)]
    profile: Annotated[str, StringConstraints(max_length=50)]
    synthetic: bool = False
    """A demonstration: its people and plates are invented."""


class StandingAgency(AgencyDocument):
    """An agency as it stands."""

    mode: Literal["test", "live", "closed"]


class NewAccountRequest(Document):
    """Who gets an account."""

    username: Username
    name: Line
    title: Line
    """Of the register of titles (B5)."""
    roles: Annotated[list[str], Field(min_length=1, max_length=10)]
    valid_until: Instant | None = None
    """When the account ends by itself; a contractor's must."""
    agency_id: AgencyName | None = None
    """Only the platform's administrator says it, for an agency's first administrator."""


class OneTimePassword(Document):
    """An account with a fresh one-time password, shown only now."""

    id: str
    username: str
    one_time_password: str


class AccountDocument(Document):
    """An account as its administrator sees it."""

    id: str
    username: str
    name: str
    title: str
    roles: list[str]
    second_factor: bool
    training_until: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    """`dormant`, `expired` or `suspended`; None: somebody disabled it for good."""
    valid_until: datetime | None
    separated_at: datetime | None
    synthetic: bool
