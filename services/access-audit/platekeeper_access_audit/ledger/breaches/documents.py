"""HTTP documents of breaches."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_access_audit.ledger.breaches import domain
from platekeeper_access_audit.ledger.breaches.domain import Actor, Breach, Within
from platekeeper_access_audit.ledger.breaches.handlers import InFull
from platekeeper_common.documents import Shown
from platekeeper_common.moments import Instant

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=4000)]


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewBreach(_Stated):
    """What happened, when it was detected, and what it is thought to have touched. No plates in it."""

    summary: Words
    scope: Words
    detected_at: Instant


class Deed(_Stated):
    """What was done about a breach; `to`: who was told, of a notice."""

    what: domain.Deed
    at: Instant | None = None
    to: Annotated[str | None, Field(min_length=2, max_length=300)] = None
    note: Words


class Closing(_Stated):
    """With what words a breach is closed."""

    note: Words


class ScopeChoice(_Stated):
    """Which records: `from` <= at < `to`, of one account, device or organisation when given."""

    from_: Instant = Field(alias="from")
    to: Instant
    subject: str | None = Field(None, max_length=200)
    device: str | None = Field(None, max_length=200)
    organisation: str | None = Field(None, max_length=200)

    def within(self) -> Within:
        """The records to look at."""
        return Within(
            starts=self.from_,
            ends=self.to,
            subject=self.subject,
            device=self.device,
            organisation=self.organisation,
        )


class BreachDocument(Shown):
    """A breach, under which policy it is handled, and its clock of notification."""

    id: str
    summary: str
    scope: str
    policy: str | None = Field(description="By the agency's profile; null where its manual names none (G5)")
    policy_version: str
    detected_at: AwareDatetime
    recorded_at: AwareDatetime
    recorded_by: str
    notify_by: AwareDatetime
    hours_since_detection: float = Field(description="Until the first notice, or so far")
    overdue: bool
    contained_at: AwareDatetime | None
    notified_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    revoke_tokens: str = Field(description="POST here ends every token of the agency in one step")

    @classmethod
    def of(cls, breach: Breach, now: datetime, **more: Any) -> Any:
        """The document of a breach as it stands now."""
        made = {"hours_since_detection", "overdue", "revoke_tokens"}
        return cls(
            **{name: getattr(breach, name) for name in BreachDocument.model_fields.keys() - made},
            hours_since_detection=breach.hours_since_detection(now),
            overdue=breach.is_overdue(now),
            revoke_tokens=f"/v1/agencies/{breach.agency_id}/revoke-tokens",
            **more,
        )


class StepDocument(Shown):
    """What was done about a breach, by whom."""

    at: AwareDatetime
    recorded_at: AwareDatetime = Field(description="When it was entered; `at` is the administrator's word")
    what: str
    subject: str
    username: str
    to: str | None
    note: str


class BreachInFull(BreachDocument):
    """A breach with everything that was done about it."""

    steps: tuple[StepDocument, ...]

    @classmethod
    def opened(cls, found: InFull) -> "BreachInFull":
        """The document of a breach in full."""
        steps = tuple(StepDocument.model_validate(step) for step in found.steps)
        document: BreachInFull = cls.of(found.breach, found.now, steps=steps)
        return document


class ActorDocument(Shown):
    """What one person or device did in the time, and what was handed out."""

    subject: str
    username: str
    name: str
    organisation: str
    devices: tuple[str, ...]
    addresses: tuple[str, ...]
    actions: dict[str, int] = Field(description="Records by action")
    refused: int
    first_at: AwareDatetime
    last_at: AwareDatetime
    results: int = Field(description="Things handed out, as the records count them")
    result_ids: tuple[str, ...] = Field(description="Each once, the first 10,000: reads, hits and the like")


class ScopeDocument(Shown):
    """What a breach touched, by the access records."""

    records: int
    organisations: tuple[str, ...]
    actors: tuple[ActorDocument, ...]

    @classmethod
    def of(cls, report: list[Actor]) -> "ScopeDocument":
        """The document of a report."""
        return cls(
            records=sum(sum(actor.actions.values()) for actor in report),
            organisations=tuple(sorted({actor.organisation for actor in report if actor.organisation})),
            actors=tuple(ActorDocument.model_validate(actor) for actor in report),
        )
