"""What goes in and out of the records office's doors, as JSON."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from platekeeper_common.documents import (
    AreaStated,
    CandidateDocument,
    ModelDocument,
    PositionDocument,
    Shown,
    UseStated,
)
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.events.retention import Verdict
from platekeeper_retention import domain
from platekeeper_retention.domain import CAMERAS_AT_MOST, KeptRead, Query
from platekeeper_retention.handlers import Page

MOST_READS = 200
"""Reads on one page."""

Short = Annotated[str, StringConstraints(max_length=64)]


class SearchRequest(UseStated):
    """A search by plate or pattern, by area or by both, for a purpose and a matter.

    Three known characters side by side bound it; three anywhere within an area or a window that one person may
    canvass; fewer need both (A6, A7).
    """

    plate: Short | None = Field(None, description="Exact plate; case, blanks and hyphens do not matter")
    prefix: Short | None = Field(None, description="Beginning of a plate: the pattern of it and a `*`")
    pattern: Short | None = Field(
        None, description="Partial plate: `?` stands for one character, `*` for any number; two `*` at most (A7)"
    )
    area: AreaStated | None = Field(None, description="Read within it; alone or with one of the three (A6)")
    captured_from: AwareDatetime | None = Field(None, alias="from", description="Captured at or after this moment")
    captured_to: AwareDatetime | None = Field(None, alias="to", description="Captured before this moment")
    cameras: list[Short] | None = Field(None, min_length=1, max_length=CAMERAS_AT_MOST, description="Only these")
    limit: int = Field(50, ge=1, le=MOST_READS, description="Reads on a page")
    cursor: str | None = Field(None, max_length=1000, description="`next_cursor` of the page before, same query")
    reason: str | None = Field(None, max_length=1000, description="Needed for the purpose other_le (A1)")

    def query(self) -> Query:
        """What is asked for. Raises Invalid with the code of what is wrong."""
        return domain.query(
            plate=self.plate,
            prefix=self.prefix,
            pattern=self.pattern,
            area=None if self.area is None else self.area.area(),
            captured_from=self.captured_from,
            captured_to=self.captured_to,
            cameras=self.cameras or (),
        )


class RetentionDocument(Shown):
    """The rule by which a read is kept (F1)."""

    clause: str = Field(validation_alias="retention_clause")
    schedule_item: str
    policy_version: str


class CorrectionDocument(Shown):
    """What an officer said of a read (J1). `plate` is null when there is none: verdict `no_plate`.

    `misread`: another plate than the camera's `was`; `state`: another state alone; `confirmed`: the camera was right,
    after a correction that was not.
    """

    id: str
    number: int
    read_version: int
    was: str
    verdict: Verdict
    plate: str | None
    state: str | None
    made_by_name: str
    made_at: datetime


class ReadDocument(Shown):
    """A read in its last version, which pictures it has, and until when it is kept at least.

    `corrections`: what officers said of it, the last of which stands. `found_by_correction`: a search found it by what
    that one says, and not by `plate`.
    """

    id: str
    version: int
    plate: str
    country: str | None
    state: str | None
    region_confidence: float | None
    """Of a guess: how sure the recogniser is of the state, or of the country alone. Null: the state was stated."""
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
    corrections: list[CorrectionDocument]
    found_by_correction: bool


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
        "corrections": kept.corrections,
        "found_by_correction": kept.found_by_correction,
    }
    return ReadDocument.model_validate(facts)


def result(page: Page) -> SearchResult:
    """The page as callers see it."""
    reads = [shown(kept) for kept in page.reads]
    return SearchResult(search_id=page.search_id, reads=reads, next_cursor=page.next_cursor)
