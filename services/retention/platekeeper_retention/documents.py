"""What goes in and out of the records office's doors, as JSON."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_common.access import Use
from platekeeper_common.events.recognition import PlateRead
from platekeeper_retention import domain
from platekeeper_retention.domain import CAMERAS_AT_MOST, PREFIX_AT_LEAST, KeptRead, Query
from platekeeper_retention.handlers import Page

MOST_READS = 200
"""Reads on one page."""

Short = Annotated[str, StringConstraints(max_length=64)]


class SearchRequest(BaseModel):
    """A search by exact plate or by prefix, for a purpose and a matter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plate: Short | None = Field(None, description="Exact plate; case, blanks and hyphens do not matter")
    prefix: Short | None = Field(None, description=f"Beginning of a plate, at least {PREFIX_AT_LEAST} characters")
    captured_from: AwareDatetime | None = Field(None, alias="from", description="Captured at or after this moment")
    captured_to: AwareDatetime | None = Field(None, alias="to", description="Captured before this moment")
    cameras: list[Short] | None = Field(None, min_length=1, max_length=CAMERAS_AT_MOST, description="Only these")
    limit: int = Field(50, ge=1, le=MOST_READS, description="Reads on a page")
    cursor: str | None = Field(None, max_length=1000, description="`next_cursor` of the page before, same query")
    purpose: Short | None = Field(None, description="Purpose code of the agency's policy (A1)")
    matter_type: Short | None = Field(None, description="criminal, civil, administrative, patrol, other (A8)")
    matter_number: Short | None = Field(None, description="Case, incident or matter number (A8)")
    requested_by: str | None = Field(None, max_length=120, description="For whom a dispatcher asks (A3)")
    reason: str | None = Field(None, max_length=1000, description="Needed for the purpose other_le (A1)")

    def query(self) -> Query:
        """What is asked for. Raises Invalid with the code of what is wrong."""
        return domain.query(
            plate=self.plate,
            prefix=self.prefix,
            captured_from=self.captured_from,
            captured_to=self.captured_to,
            cameras=self.cameras or (),
        )

    def use(self) -> Use:
        """What it is asked for."""
        return Use(
            purpose=self.purpose or "",
            matter_type=self.matter_type or "",
            matter_number=self.matter_number,
            reason=self.reason,
            requested_by=self.requested_by,
        )


class Shown(BaseModel):
    """Taken field by field from the domain's own value."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class PositionDocument(Shown):
    """WGS 84, degrees."""

    latitude: float
    longitude: float


class CandidateDocument(Shown):
    """What the plate may also be, and how sure the recogniser was (J1)."""

    plate: str
    confidence: float


class ModelDocument(Shown):
    """Which recogniser said so (J1); an edge recogniser's checksum may be empty."""

    name: str
    version: str
    checksum: str


class RetentionDocument(Shown):
    """The rule by which a read is kept (F1)."""

    clause: str = Field(validation_alias="retention_clause")
    schedule_item: str
    policy_version: str


class ReadDocument(Shown):
    """A read in its last version, which pictures it has, and until when it is kept at least."""

    id: str
    version: int
    plate: str
    state: str | None
    confidence: float
    candidates: list[CandidateDocument]
    camera_id: str
    device_id: str
    captured_at: datetime
    received_at: datetime
    late: bool
    position: PositionDocument | None
    heading: float | None
    lane: str | None
    source: Literal["recognition", "edge"]
    model: ModelDocument
    has_image: bool
    has_crop: bool
    retain_until: datetime
    retention: RetentionDocument


class SearchResult(BaseModel):
    """A page, newest first; `next_cursor` is null on the last."""

    search_id: str
    reads: list[ReadDocument]
    next_cursor: str | None


def shown(kept: KeptRead) -> ReadDocument:
    """The read as callers see it: never where its pictures lie."""
    read = kept.read
    facts = {name: getattr(read, name) for name in PlateRead.__struct_fields__} | {
        "late": read.late,
        "has_image": read.image is not None,
        "has_crop": read.crop is not None,
        "retain_until": kept.retain_until,
        "retention": kept,
    }
    return ReadDocument.model_validate(facts)


def result(page: Page) -> SearchResult:
    """The page as callers see it."""
    reads = [shown(kept) for kept in page.reads]
    return SearchResult(search_id=page.search_id, reads=reads, next_cursor=page.next_cursor)
