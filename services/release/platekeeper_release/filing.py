"""What release keeps on file: recipients, requests, decisions, what was sent. Values only (clauses I1 to I4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from platekeeper_common import delegation
from platekeeper_common.access import Use
from platekeeper_common.delegation import Scope
from platekeeper_common.ids import AgencyId
from platekeeper_release.policy import Route

Kind = Literal["law_enforcement", "prosecutor", "other"]
Level = Literal["local", "state", "federal"]
Outcome = Literal["approved", "denied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecipient:
    """An agency to be entered in the register."""

    name: str
    ori: str | None
    """Originating agency identifier; only law enforcement and prosecutors have one."""
    kind: Kind
    state: str
    level: Level
    public_agency: bool
    """Whether it is one in the sense of Civil Code 1798.90.5."""
    legal_basis: str
    """By what law data may be given to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient(NewRecipient):
    """An agency in our agency's register of those that ask for data."""

    id: str
    agency_id: AgencyId
    """Whose register it is."""
    entered_by: str
    entered_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asks at the other agency, as the request names them."""

    name: str
    title: str | None
    contact: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a written request says, before it is checked; None where it says nothing."""

    recipient_id: str | None
    agency_written: str | None
    """The agency's name as the request writes it."""
    person: Person | None
    intended_purpose: str | None
    scope: Scope
    document_sha256: str | None = None
    document_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStated:
    """What a recipient asserts of one of its people: department-approved training, completed (C2)."""

    name: str
    title: str
    course: str
    valid_until: datetime
    asserted_by: str
    """Who at the recipient says so, by name and title."""
    document_sha256: str | None
    """Of the paper or file that says so, hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerPerson:
    """A person of a recipient, with the training that the recipient asserts; a later assertion is a further entry."""

    id: str
    agency_id: AgencyId
    """Whose register it is."""
    recipient_id: str
    training: TrainingStated
    entered_by: str
    entered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A written request as it was received; it never changes."""

    id: str
    agency_id: AgencyId
    number: str
    """`R-2026-0001`: counted without gaps in each year of the agency's time zone."""
    route: Route
    recipient: Recipient
    """The register's word on the day of receipt."""
    agency_written: str
    person: Person
    intended_purpose: str
    opens: dict[str, Any]
    """The scope that is asked for, as JSON values."""
    document_sha256: str | None
    document_reference: str | None
    use: Use
    """Under which purpose code and matter of ours it was received (A1)."""
    received_by: str
    received_by_name: str
    received_at: datetime
    policy_version: str

    @property
    def scope(self) -> Scope:
        """The scope that is asked for."""
        return delegation.scope_of(self.opens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the approver says."""

    outcome: Outcome
    scope: Scope | None
    """Narrower than asked for; None: as asked for."""
    expires_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision on a request; it never changes."""

    request_id: str
    request_sha256: str
    outcome: Outcome
    opens: dict[str, Any] | None
    """The approved scope, as JSON values; None when denied."""
    expires_at: datetime | None
    """Until when the request may be fulfilled; None when denied."""
    reason: str | None
    post: str
    post_title: str
    decided_by: str
    decided_by_name: str
    decided_at: datetime
    policy_version: str

    def open(self, now: datetime) -> bool:
        """Whether the request may be fulfilled by it now."""
        return self.expires_at is not None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """What was sent, and by whom; it never changes."""

    request_id: str
    manifest: bytes
    note: str
    """The signed note over the manifest."""
    package_path: str
    package_sha256: str
    package_bytes: int
    fulfilled_by: str
    fulfilled_by_name: str
    fulfilled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFile:
    """A request with what became of it (I4)."""

    request: Request
    request_sha256: str
    decision: Decision | None = None
    decision_sha256: str | None = None
    fulfilment: Fulfilment | None = None

    def elements(self) -> dict[str, Any]:
        """What an access record says of it, as JSON values: the scopes, and the SHA-256 of all that is on file."""
        told = {
            "request": self.request.id,
            "number": self.request.number,
            "request_sha256": self.request_sha256,
            "scope": self.request.opens,
            "decision_sha256": self.decision_sha256,
            "approved": self.decision and self.decision.opens,
            "package_sha256": self.fulfilment and self.fulfilment.package_sha256,
        }
        return {name: value for name, value in told.items() if value}

    def status(self, now: datetime) -> Literal["received", "approved", "denied", "expired", "fulfilled"]:
        """How far it is."""
        if self.fulfilment is not None:
            return "fulfilled"
        if self.decision is None:
            return "received"
        if self.decision.outcome == "denied":
            return "denied"
        return "approved" if self.decision.open(now) else "expired"


@dataclass(frozen=True, slots=True)
class Listed:
    """A request in a list, and whether who asks may read it."""

    file: RequestFile
    readable: bool


@dataclass(frozen=True, slots=True)
class Office:
    """The approving post today, and who may decide for it: its holder and whom the holder has delegated it to."""

    post: str
    title: str
    deciders: Mapping[str, str | None]
    """By account, by what it decides, as `Office.authority` says it; None: it holds the post."""
    vacant: bool = False
    acting: str | None = None
    """Who acts for the vacant post in everything but this, in words (B9)."""
