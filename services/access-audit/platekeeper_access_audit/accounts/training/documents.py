"""The HTTP bodies of training."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from platekeeper_access_audit.accounts.titles.documents import Line, Stated
from platekeeper_access_audit.accounts.training.domain import CourseVersion, Standing
from platekeeper_access_audit.accounts.training.notices import Subject, Told
from platekeeper_access_audit.accounts.training.report import Line as Person
from platekeeper_common.documents import Shown
from platekeeper_common.lines import readable
from platekeeper_common.moments import Instant
from platekeeper_common.periods import Period

Version = Annotated[
    str, StringConstraints(min_length=1, max_length=40, pattern=r"^\S(.*\S)?$"), AfterValidator(readable)
]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _period(text: str) -> str:
    Period.parse(text)
    return text


class CertificateRequest(Stated):
    """Training that a person has completed."""

    account_id: str
    course: Line
    version: Version
    completed_on: date
    valid_until: Instant | None = None
    """Left out: as long as the course says; never longer."""
    proof_sha256: Digest
    """Of the document that proves it, hex."""


class CertificateDocument(Shown):
    """A certificate as it is kept."""

    id: str
    account_id: str
    course: str
    version: str
    completed_on: date
    valid_until: datetime
    proof_sha256: str
    certified_by: str
    certified_at: datetime


class CourseStated(Stated):
    """A course, or a new version of one (B6)."""

    course: Line
    version: Version
    validity: Annotated[str, StringConstraints(max_length=20), AfterValidator(_period)] = Field(
        description='How long a completion counts, as "1 year" or "18 months"'
    )
    proof: Line
    """The document whose hash a certificate carries."""
    content_sha256: Digest | None = None
    """Of what is taught."""
    earlier_versions_count_until: Instant | None = None
    """Left out: they count no more from now on."""

    def new(self) -> CourseVersion:
        """What goes into the catalogue."""
        return CourseVersion(
            course=self.course,
            version=self.version,
            validity=Period.parse(self.validity),
            proof=self.proof,
            content_sha256=self.content_sha256,
        )


class CourseDocument(Shown):
    """A course in one version."""

    course: str
    version: str
    validity: Annotated[str, Field(description="As a policy writes it")]
    proof: str
    content_sha256: str | None
    accepted_until: datetime | None
    """Null: completions of it count."""
    edited_by: str | None
    """Null: as the department's policy has it."""
    edited_at: datetime | None


class CompletionDocument(Shown):
    """How a person stands to a course."""

    course: str
    standing: Standing
    until: datetime | None


class ReportLine(Shown):
    """A person: authorised, and trained (C3)."""

    account_id: str
    username: str
    name: str
    title: str
    roles: list[str]
    title_authorised: bool
    authorised: bool
    """The title is in the register, the access approved and its review not overdue beyond the grace."""
    approved_until: datetime | None
    trained: bool
    training_until: datetime | None
    courses: list[CompletionDocument]


class ReportDocument(Shown):
    """Trained versus authorised, of every open account."""

    at: datetime
    authorised: int
    trained: int
    authorised_and_not_trained: int
    expiring: int
    people: list[ReportLine]


class NoticeDocument(Shown):
    """That a person's training ends, or the access is to be reviewed, within so many days."""

    account_id: str
    name: str
    subject: Subject
    course: str | None
    ends_at: datetime
    days: int
    written_at: datetime


def notice(told: Told) -> NoticeDocument:
    """A notice as it is shown."""
    one = told.notice
    return NoticeDocument(
        account_id=one.account_id,
        name=told.name,
        subject=one.subject,
        course=one.course if one.subject == "training" else None,
        ends_at=one.ends_at,
        days=one.days,
        written_at=told.written_at,
    )


def course(version: CourseVersion) -> CourseDocument:
    """A course version as it is shown."""
    told = {name: getattr(version, name) for name in CourseDocument.model_fields}
    return CourseDocument(**(told | {"validity": str(version.validity)}))


def report(lines: Sequence[Person], at: datetime) -> ReportDocument:
    """The report as it is shown."""
    return ReportDocument(
        at=at,
        authorised=sum(line.authorised for line in lines),
        trained=sum(line.trained for line in lines),
        authorised_and_not_trained=sum(line.authorised and not line.trained for line in lines),
        expiring=sum(line.expiring for line in lines),
        people=[_line(line) for line in lines],
    )


def _line(line: Person) -> ReportLine:
    account = line.account
    return ReportLine(
        account_id=account.id,
        username=account.username,
        name=account.name,
        title=account.title,
        roles=sorted(account.roles),
        title_authorised=line.title_authorised,
        authorised=line.authorised,
        approved_until=line.approved_until,
        trained=line.trained,
        training_until=line.training_until,
        courses=[CompletionDocument.model_validate(one) for one in line.courses],
    )
