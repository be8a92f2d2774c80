"""HTTP documents of audits and of monitoring."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_access_audit.ledger.audits.domain import Audit, Cadence, Sampled, Why
from platekeeper_access_audit.ledger.audits.handlers import Listed
from platekeeper_access_audit.ledger.audits.monitoring import Plan
from platekeeper_access_audit.ledger.reviews.domain import Disposition
from platekeeper_common.documents import Shown

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Review(_Stated):
    """What a record of the sample shows, and what follows."""

    finding: Words
    disposition: Disposition


class SignOff(_Stated):
    """What the audit as a whole concludes."""

    conclusion: Words


class AuditDocument(Shown):
    """A periodic audit, with what is needed to draw its sample again."""

    id: str
    period: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    opened_at: AwareDatetime
    due_at: AwareDatetime
    state: Literal["open", "overdue", "signed_off"]
    cadence: Cadence
    population: int = Field(description="Records of people in the period")
    risky: int = Field(description="Those of a kind that goes wrong")
    tree_size: int
    root: str = Field(description="Base64, of the signed tree of `tree_size` leaves")
    seed: str = Field(description="SHA-256 of agency, period, tree_size and root, a line each")
    policy_version: str
    signed_off_at: AwareDatetime | None
    signed_off_by: str | None
    report_sha256: str | None

    @classmethod
    def of(cls, audit: Audit, now: datetime, **more: Any) -> Any:
        """The document of an audit as it stands now."""
        names = AuditDocument.model_fields.keys() - {"state"}
        return cls(**{name: getattr(audit, name) for name in names}, state=audit.state(now), **more)


class SampledDocument(Shown):
    """A record of the sample: why it is in it, and what its review found."""

    place: int
    record_id: str
    why: Why
    username: str
    name: str
    action: str
    outcome: str
    at: AwareDatetime
    reviewed_at: AwareDatetime | None
    reviewer: str | None
    reviewer_name: str | None
    finding: str | None
    disposition: Disposition | None


class AuditInFull(AuditDocument):
    """An audit with its sample."""

    findings: tuple[str, ...] = Field(description="Records that detectors had named when the sample was drawn")
    sample: tuple[SampledDocument, ...]
    report: dict[str, Any] | None

    @classmethod
    def opened(cls, audit: Audit, sample: Sequence[Sampled], now: datetime) -> "AuditInFull":
        """The document of an audit and its sample."""
        shown = tuple(SampledDocument.model_validate(one) for one in sample)
        document: AuditInFull = cls.of(audit, now, findings=audit.findings, sample=shown, report=audit.report)
        return document


class AuditsDocument(Shown):
    """Audits, the newest first, and when one was last signed off."""

    audits: tuple[AuditDocument, ...]
    last_signed_off: AwareDatetime | None

    @classmethod
    def listing(cls, found: Listed) -> "AuditsDocument":
        """The document of a list."""
        audits = tuple(AuditDocument.of(audit, found.now) for audit in found.audits)
        return cls(audits=audits, last_signed_off=found.last_signed_off)


class DetectorDocument(Shown):
    """What is looked for in the access records."""

    code: str
    looks_for: str


class PlanDocument(Shown):
    """How use is monitored, by the settings in force; `text` is the published description (B7)."""

    reviewer: str
    approver: str
    cadence: Cadence
    detectors: tuple[DetectorDocument, ...]
    review_within_days: float
    number_owed_within_hours: float
    audit_due_within_days: float
    random_sample: int
    risk_sample: int
    access_years: int
    breach_policy: str | None
    last_audit: AwareDatetime | None
    policy_version: str
    text: str

    @classmethod
    def of(cls, plan: Plan) -> "PlanDocument":
        """The document of a plan."""
        same = cls.model_fields.keys() & set(Plan.__slots__) - {"detectors"}
        return cls(
            **{name: getattr(plan, name) for name in same},
            detectors=tuple(DetectorDocument(code=code, looks_for=words) for code, words in plan.detectors),
            review_within_days=plan.review_within.total_seconds() / 86_400,
            number_owed_within_hours=plan.number_owed_within.total_seconds() / 3_600,
            audit_due_within_days=plan.audit_due_within.total_seconds() / 86_400,
        )


class ReportDocument(Shown):
    """What monitoring found in a month (UTC); `sha256` is of the content's RFC 8785 bytes."""

    month: str
    final: bool = Field(description="The month is over and the report is kept")
    made_at: AwareDatetime
    content: dict[str, Any]
    sha256: str
