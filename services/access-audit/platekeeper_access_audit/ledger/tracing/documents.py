"""The HTTP documents of the question who searched a plate."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from platekeeper_access_audit.ledger.domain import timestamp
from platekeeper_access_audit.ledger.tracing import domain
from platekeeper_access_audit.ledger.tracing.domain import Match, Question, Traced
from platekeeper_access_audit.ledger.tracing.handlers import Answer
from platekeeper_common.documents import UseStated
from platekeeper_common.moments import Instant


class PlateAsked(UseStated):
    """A plate, and when it was asked for: `from` (31 days back) <= at < `to` (now); with a purpose and a matter."""

    plate: Annotated[str, Field(max_length=64, description="Case, blanks and hyphens do not matter")]
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    username: str | None = Field(None, max_length=200, description="Asked by this person alone")
    reason: str | None = Field(None, max_length=1000, description="Needed for the purpose other_le (A1)")

    def question(self, now: datetime) -> Question:
        """The question. Raises Invalid `plate_invalid` or `period_empty`."""
        return domain.question(self.plate, self.from_, self.to, now, self.username)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TracedDocument(_Document):
    """A record that asked for the plate, or could have shown it."""

    match: Match = Field(
        description="plate: it named the plate; pattern: a pattern that the plate matches; area: no plate, but an area,"
        " cameras or a time in which it may have been read. Of a written request: in what was asked for or approved"
    )
    record_id: str
    at: str
    action: str
    outcome: str
    username: str
    name: str
    title: str | None
    organisation: str
    purpose: str | None
    matter_type: str | None
    matter_number: str | None
    requested_by: str | None
    result_count: int | None
    query: dict[str, Any]

    @classmethod
    def of(cls, one: Traced) -> Self:
        """The document of a record."""
        record = one.entry.record
        names = cls.model_fields.keys() - {"match", "record_id", "at", "query"}
        fields = {name: getattr(record, name) for name in names}
        return cls(match=one.match, record_id=record.id, at=timestamp(record.at), query=dict(one.query), **fields)


class TraceDocument(_Document):
    """Who asked for the plate (`named`), and whose searches could have shown it (`possible`), newest first."""

    named: list[TracedDocument]
    possible: list[TracedDocument]
    complete: bool = Field(
        description="False: older records that name no plate, or that the index has not read, were not opened; ask for"
        " a shorter period"
    )

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """The document of an answer."""
        told = [TracedDocument.of(one) for one in answer.traced]
        return cls(
            named=[one for one in told if one.match == "plate"],
            possible=[one for one in told if one.match != "plate"],
            complete=answer.complete,
        )
