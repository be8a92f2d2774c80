"""What goes in and out of release's doors, as JSON."""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_common.delegation import PLATES_AT_MOST, Scope
from platekeeper_common.documents import AreaStated, Shown, UseStated
from platekeeper_common.errors import Invalid
from platekeeper_common.lines import readable
from platekeeper_common.moments import Instant
from platekeeper_release import domain
from platekeeper_release.filing import (
    Fulfilment,
    Kind,
    Level,
    Listed,
    NewRecipient,
    PartnerPerson,
    Person,
    RequestFile,
    Ruling,
    Stated,
    TrainingStated,
)
from platekeeper_release.policy import Route

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(readable)]
Said = Annotated[str, StringConstraints(max_length=200)]
Name = Annotated[Said, AfterValidator(readable)]
Words = Annotated[str, StringConstraints(max_length=2_000)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_NUMBER = re.compile(r"R-([0-9]{4})-([0-9]{4,9})")


class Asked(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecipientAsked(Asked):
    """An agency to be entered in the register of recipients (I1)."""

    name: Line
    ori: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{9}$")] | None = Field(
        None, description="Originating agency identifier; law enforcement and prosecutors have one"
    )
    kind: Kind
    state: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(description="Postal code")
    level: Level
    public_agency: bool = Field(description="A public agency in the sense of Civil Code 1798.90.5")
    legal_basis: Line = Field(description="By what law data may be given to it")

    def recipient(self) -> NewRecipient:
        """What is to be entered."""
        return NewRecipient(**self.model_dump())


class RecipientDocument(Shown):
    """A recipient in the register."""

    id: str
    name: str
    ori: str | None
    kind: Kind
    state: str
    level: Level
    public_agency: bool
    legal_basis: str
    entered_by: str
    entered_at: datetime
    withdrawn_at: datetime | None


class PartnerPersonAsked(Asked):
    """A person of the recipient, and the training that the recipient asserts (C2)."""

    name: Line
    title: Line
    course: Line
    valid_until: Instant
    asserted_by: Line = Field(description="Who at the recipient says so, by name and title")
    document_sha256: Digest | None = Field(None, description="Of the paper or file that says so")

    def training(self) -> TrainingStated:
        """What is asserted."""
        return TrainingStated(**self.model_dump())


class PartnerPersonDocument(BaseModel):
    """A person of the recipient, and the training that the recipient asserts."""

    id: str
    name: str
    title: str
    course: str
    valid_until: datetime
    asserted_by: str
    document_sha256: str | None
    current: bool = Field(description="The training has not ended")
    entered_by: str
    entered_at: datetime


class ScopeAsked(Asked):
    """Which reads are asked for: of plates or of a pattern, or without either in an area; always in a window."""

    plates: list[Said] | None = Field(None, min_length=1, max_length=PLATES_AT_MOST)
    pattern: Said | None = Field(None, description="? stands for one character, * for any number of them")
    captured_from: Instant = Field(alias="from", description="Captured at or after this moment")
    captured_to: Instant = Field(alias="to", description="Captured before this moment")
    area: AreaStated | None = None

    def scope(self) -> Scope:
        """The scope. Raises Invalid with the code of what is wrong."""
        area = self.area.area() if self.area else None
        return domain.scope(self.plates, self.pattern, self.captured_from, self.captured_to, area)


class AgencyNamed(Asked):
    """Which agency asks: its entry in the register, and its name as the request writes it."""

    recipient_id: Said | None = None
    name: Name | None = None


class PersonNamed(Asked):
    """Which person asks."""

    name: Name | None = None
    title: Name | None = None
    contact: Name | None = None


class PaperNamed(Asked):
    """The paper or file that the request came on."""

    sha256: Digest | None = None
    reference: Line | None = None


class RequestAsked(UseStated):
    """A written request (I2), and the purpose code and matter under which it is received (A1, A8)."""

    agency: AgencyNamed | None = None
    person: PersonNamed | None = None
    intended_purpose: Words | None = Field(None, description="As the request says it")
    scope: ScopeAsked
    document: PaperNamed | None = None
    reason: str | None = Field(None, max_length=1000, description="Needed for the purpose other_le (A1)")

    def stated(self) -> Stated:
        """What the request says."""
        agency, person, paper = self.agency or AgencyNamed(), self.person, self.document or PaperNamed()
        return Stated(
            recipient_id=agency.recipient_id,
            agency_written=agency.name,
            person=Person(name=person.name or "", title=person.title, contact=person.contact) if person else None,
            intended_purpose=self.intended_purpose,
            scope=self.scope.scope(),
            document_sha256=paper.sha256,
            document_reference=paper.reference,
        )


class DecisionAsked(Asked):
    """The decision on a request (I3)."""

    outcome: Literal["approved", "denied"]
    scope: ScopeAsked | None = Field(None, description="Narrower than asked for; left out: as asked for")
    expires_at: Instant | None = Field(None, description="Until when it may be fulfilled; an approval needs it")
    reason: Words | None = Field(None, description="A denial needs one")

    def ruling(self) -> Ruling:
        """What the approver says."""
        scope = self.scope.scope() if self.scope else None
        return Ruling(outcome=self.outcome, scope=scope, expires_at=self.expires_at, reason=self.reason)


class RequestLine(BaseModel):
    """A request as a list shows it: without what it asks for."""

    id: str
    number: str
    route: Route
    status: str
    agency: str | None = Field(description="Null for an administrative matter that is not yours to read (A8)")
    received_at: datetime
    decided_at: datetime | None
    fulfilled_at: datetime | None


class RequestsDocument(BaseModel):
    """A page, newest number first; `next_cursor` is null on the last."""

    requests: list[RequestLine]
    next_cursor: str | None


class RequestDocument(BaseModel):
    """A request with what became of it (I4). Each SHA-256 is of the document as it is filed, RFC 8785 JSON."""

    id: str
    number: str
    status: str
    request: dict[str, Any]
    request_sha256: str
    decision: dict[str, Any] | None
    decision_sha256: str | None
    fulfilment: "FulfilmentDocument | None"


class FulfilmentDocument(BaseModel):
    """What was sent."""

    fulfilled_by: str
    fulfilled_at: datetime
    package_sha256: str
    package_bytes: int
    manifest: dict[str, Any]
    signature: str = Field(description="The signed note over the manifest, `manifest.sig` of the package")


class KeyDocument(BaseModel):
    """The key that signs manifests."""

    name: str
    verifier_key: str = Field(description="As C2SP signed-note writes it")
    public_key_pem: str


def cursor_of(text: str | None) -> tuple[int, int] | None:
    """Year and serial of the last number that a page showed. Raises Invalid `cursor_invalid`."""
    if text is None:
        return None
    if (found := _NUMBER.fullmatch(text)) is None:
        raise Invalid("the cursor is not one that a page ended with", code="cursor_invalid")
    return int(found[1]), int(found[2])


def person(entered: PartnerPerson, now: datetime) -> PartnerPersonDocument:
    """A person of a recipient as it is shown."""
    training = entered.training
    return PartnerPersonDocument(
        id=entered.id,
        name=training.name,
        title=training.title,
        course=training.course,
        valid_until=training.valid_until,
        asserted_by=training.asserted_by,
        document_sha256=training.document_sha256,
        current=training.valid_until > now,
        entered_by=entered.entered_by,
        entered_at=entered.entered_at,
    )


def line(listed: Listed, now: datetime) -> RequestLine:
    """A request as a list shows it."""
    file = listed.file
    request, decision, sent = file.request, file.decision, file.fulfilment
    return RequestLine(
        id=request.id,
        number=request.number,
        route=request.route,
        status=file.status(now),
        agency=request.recipient.name if listed.readable else None,
        received_at=request.received_at,
        decided_at=decision and decision.decided_at,
        fulfilled_at=sent and sent.fulfilled_at,
    )


def shown(file: RequestFile, now: datetime) -> RequestDocument:
    """A request with what became of it."""
    return RequestDocument(
        id=file.request.id,
        number=file.request.number,
        status=file.status(now),
        request=msgspec.to_builtins(file.request),
        request_sha256=file.request_sha256,
        decision=file.decision and msgspec.to_builtins(file.decision),
        decision_sha256=file.decision_sha256,
        fulfilment=file.fulfilment and _sent(file.fulfilment),
    )


def _sent(sent: Fulfilment) -> FulfilmentDocument:
    return FulfilmentDocument(
        fulfilled_by=sent.fulfilled_by_name,
        fulfilled_at=sent.fulfilled_at,
        package_sha256=sent.package_sha256,
        package_bytes=sent.package_bytes,
        manifest=json.loads(sent.manifest),
        signature=sent.note,
    )
