"""The HTTP bodies of hot lists and hits."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from platekeeper_common.documents import CandidateDocument, ModelDocument, PositionDocument, Shown, UseStated
from platekeeper_common.events.hotlist import MatchKind
from platekeeper_common.events.retention import Verdict
from platekeeper_common.moments import Instant
from platekeeper_hotlist.domain import NewEntry, NewList, Source
from platekeeper_hotlist.sightings import CountedHit

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class ListAsked(UseStated):
    """A new hot list."""

    name: Short
    source: Annotated[Source, Field(description="Who gives the list (D1)")]
    source_title: Annotated[Short | None, Field(description="The same in words, for example the office")] = None
    reason: Words | None = None

    def list(self) -> NewList:
        """What is to be opened."""
        return NewList(name=self.name, source=self.source, source_title=self.source_title)


class EntryAsked(UseStated):
    """A plate to list. `category` and `state` are checked by the rules, which say what they may be."""

    plate: Annotated[
        str,
        Field(
            max_length=40,
            description="Letters and digits; spaces, hyphens, points are left out. In a partial plate (A7) `?` stands"
            " for one unknown character, `*` for any number; it needs an incident and leaves the list by itself",
        ),
    ]
    state: Annotated[str | None, Field(max_length=40, description="Postal code; left out when not known")] = None
    category: Annotated[str, Field(max_length=64)]
    reason: Words
    incident: Short | None = None
    expires_at: Instant | None = None

    def entry(self) -> NewEntry:
        """What is to be listed."""
        return NewEntry(
            plate=self.plate,
            state=self.state,
            category=self.category,
            reason=self.reason,
            incident=self.incident,
            expires_at=self.expires_at,
        )


class ListDocument(Shown):
    """A hot list. `updated_at` is when it last changed, `confirmed_at` when its source last gave all of it: its age."""

    id: str
    name: str
    source: Source
    source_title: str | None
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime | None


class ListsDocument(Shown):
    """The agency's lists, by name."""

    hotlists: list[ListDocument]


class EntryDocument(Shown):
    """An entry in force."""

    id: str
    list_id: str
    plate: str
    partial: bool
    state: str | None
    category: str
    reason: str
    incident: str | None
    expires_at: datetime | None
    purpose: str
    matter_type: str
    matter_number: str | None
    requested_by: str | None
    added_by: str
    added_at: datetime


class EntriesDocument(Shown):
    """A page of entries, newest first."""

    entries: list[EntryDocument]
    next_cursor: str | None


class ImageDocument(Shown):
    """Which picture: retention shows it to those who may see it."""

    path: str
    sha256: str
    media_type: str


class ReadDocument(Shown):
    """The read as the recogniser gave it."""

    id: str
    version: int
    plate: str
    country: str | None
    state: str | None
    region_confidence: float | None
    """Of a guess: how sure the recogniser is of the state, or of the country alone. Null: the state was stated."""
    confidence: float
    candidates: list[CandidateDocument]
    source: Literal["recognition", "edge"]
    model: ModelDocument
    camera_id: str
    device_id: str
    frame_id: str | None
    captured_at: datetime
    received_at: datetime
    live_until: datetime
    position: PositionDocument | None
    heading: float | None
    lane: str | None
    image: ImageDocument | None
    crop: ImageDocument | None


class MatchedDocument(Shown):
    """The entry as it stood when it matched."""

    id: str
    list_id: str
    list_name: str
    list_source: str
    list_updated_at: datetime | None
    list_confirmed_at: datetime | None
    plate: str
    state: str | None
    category: str
    reason: str
    incident: str | None
    expires_at: datetime | None


class CorrectionDocument(Shown):
    """What an officer said of a read at retention (`POST /v1/reads/{id}/corrections`, J1); the last one stands.

    `plate` is null when there is none.
    """

    id: str
    number: int
    was: str
    verdict: Verdict
    plate: str | None
    state: str | None
    corrected_by_name: str
    corrected_at: datetime


class HitDocument(Shown):
    """A hit: the read that raised it, the entry that it met, and how often its vehicle was seen there since.

    `late`: raised too late for a live alert (E2). Of kind `partial`: the entry is a partial plate that means this car
    among others; no hit is confirmed by it (A7). `list_age_seconds`: how long before the hit its list had last changed
    or been confirmed. `first_seen_at` and `last_seen_at` are moments of capture. `corrections`: what officers said of
    the read: a hit on a misread is none. `by_correction`: the plate of `read` is an officer's word, not the camera's.
    """

    id: str
    kind: MatchKind
    score: float
    late: bool
    raised_at: datetime
    list_age_seconds: int | None
    read: ReadDocument
    entry: MatchedDocument
    sightings: int
    first_seen_at: datetime
    last_seen_at: datetime
    last_camera_id: str
    last_position: PositionDocument | None
    by_correction: bool
    corrections: list[CorrectionDocument]

    @classmethod
    def of(cls, hit: CountedHit) -> "HitDocument":
        """The document of a hit."""
        of_raised = {name: getattr(hit.raised, name) for name in cls.model_fields if hasattr(hit.raised, name)}
        of_sightings = {name: getattr(hit, name) for name in cls.model_fields if hasattr(hit, name)}
        return cls.model_validate(of_raised | of_sightings)


class HitsDocument(Shown):
    """A page of hits, newest first."""

    hits: list[HitDocument]
    next_cursor: str | None


class SightingDocument(Shown):
    """A read that was counted to a hit, the one that raised it too. `late`: too late for a live alert (E2)."""

    read_id: str
    plate: str
    kind: MatchKind
    score: float
    late: bool
    camera_id: str
    captured_at: datetime
    received_at: datetime
    position: PositionDocument | None
    counted_at: datetime
    corrections: list[CorrectionDocument]


class SightingsDocument(Shown):
    """A page of a hit's sightings, last captured first."""

    sightings: list[SightingDocument]
    next_cursor: str | None
