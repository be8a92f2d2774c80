"""Rules of hot lists: what may be listed, for how long, and what becomes of a match."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from msgspec import structs

from platekeeper_common import patterns, plates
from platekeeper_common.access import Use
from platekeeper_common.errors import Conflict, Invalid
from platekeeper_common.events.hotlist import HitRaised, ListedEntry, MatchKind, Revision
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import AgencyId, EntryId, HitId, ListId
from platekeeper_common.wording import refuse_prohibited
from platekeeper_hotlist import corrected
from platekeeper_hotlist.corrected import HeardCorrection
from platekeeper_hotlist.matching import Match
from platekeeper_hotlist.policy import HotlistPolicy

PARTIALS_AT_MOST = 100
"""Entries with wildcards in force on one list; products of the field take as many."""
KNOWN_AT_LEAST = 3
"""Characters of a plate with wildcards; ours: with fewer it would mean every thousandth car."""
Source = Literal["dept", "state", "federal", "clets"]
"""Who gives a list; clause D1 protects some of them."""
CATEGORIES = (
    "stolen_vehicle",
    "stolen_plate",
    "felony",
    "wanted_person",
    "missing_person",
    "amber",
    "supervised_release",
    "protection_order",
    "protective_interest",
    "violent_person",
    "gang_or_terrorist",
    "sex_offender",
    "other",
)
"""The closed list of what an entry can be about; `other` says it in its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewList:
    """What somebody wants to open."""

    name: str
    source: Source
    source_title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HotList:
    """A list of one agency. `version` counts its changes; `updated_at` is its age."""

    id: ListId
    agency_id: AgencyId
    name: str
    source: Source
    source_title: str | None
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime | None = None
    """When its source last gave the whole of it, whether that changed it or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """What somebody wants to list, checked by `admitted`."""

    plate: str
    category: str
    reason: str
    state: str | None = None
    incident: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A plate on a list, and for which use it was listed (clause A1). `changed_in`: the list's version that did it.

    The plate of a `partial` entry holds wildcards (A7).
    """

    id: EntryId
    agency_id: AgencyId
    list_id: ListId
    plate: str
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
    changed_in: int
    removed_by: str | None = None
    removed_at: datetime | None = None

    @property
    def partial(self) -> bool:
        """Whether only a part of the plate is known."""
        return patterns.is_pattern(self.plate)


def opened(new: NewList, list_id: ListId, agency_id: AgencyId, by: str, now: datetime) -> HotList:
    """The empty list. Raises Refused as `refuse_prohibited` (A4, J4)."""
    refuse_prohibited(None, (new.name, new.source_title))
    return HotList(
        id=list_id,
        agency_id=agency_id,
        name=new.name,
        source=new.source,
        source_title=new.source_title,
        version=1,
        created_by=by,
        created_at=now,
        updated_at=now,
    )


def admitted(new: NewEntry, policy: HotlistPolicy, now: datetime) -> NewEntry:
    """The entry with plate and state normalised; a partial one leaves the list by itself (A7).

    Raises Refused as `refuse_prohibited` (A4, J4), Invalid `category_unknown`, `expiry_past`, those of plate and state,
    and of a partial plate `incident_required` and `expiry_too_late` (A7).
    """
    refuse_prohibited(None, (new.category, new.reason, new.incident))
    demand_category(new.category)
    if new.expires_at is not None and new.expires_at <= now:
        raise Invalid("expires_at must lie in the future", code="expiry_past")
    plate = listed_plate(new.plate)
    expires_at = _partial_expiry(new, policy, now) if patterns.is_pattern(plate) else new.expires_at
    return replace(new, plate=plate, state=plates.issuing_state(new.state), expires_at=expires_at)


def demand_category(category: str) -> None:
    """Raise Invalid `category_unknown` unless it is on the closed list."""
    if category not in CATEGORIES:
        raise Invalid(f"the category must be one of {', '.join(CATEGORIES)}", code="category_unknown")


def _partial_expiry(new: NewEntry, policy: HotlistPolicy, now: datetime) -> datetime:
    if not new.incident:
        raise Invalid("a plate with wildcards belongs to an incident: name it", code="incident_required", clause="A7")
    latest = now + policy.partial_expires_after
    if new.expires_at is not None and new.expires_at > latest:
        raise Invalid(
            f"a plate with wildcards stays listed for {policy.partial_expires_after.days} days at most",
            code="expiry_too_late",
            clause="A7",
        )
    return new.expires_at or latest


def entry(new: NewEntry, on: HotList, entry_id: EntryId, version: int, use: Use, by: str, now: datetime) -> Entry:
    """The admitted entry as `version` of the list holds it."""
    return Entry(
        id=entry_id,
        agency_id=on.agency_id,
        list_id=on.id,
        plate=new.plate,
        state=new.state,
        category=new.category,
        reason=new.reason,
        incident=new.incident,
        expires_at=new.expires_at,
        purpose=use.purpose,
        matter_type=use.matter_type,
        matter_number=use.matter_number,
        requested_by=use.requested_by,
        added_by=by,
        added_at=now,
        changed_in=version,
    )


def listed_plate(text: str) -> str:
    """The plate as reads are written, or with wildcards (A7).

    Raises Invalid `plate_invalid`, `pattern_invalid`, `pattern_too_open`.
    """
    if not patterns.is_pattern(text):
        return plates.normalise(text)
    pattern = patterns.parse(text, "the plate")
    if pattern.known < KNOWN_AT_LEAST:
        raise Invalid(
            f"a plate with wildcards needs at least {KNOWN_AT_LEAST} known characters",
            code="pattern_too_open",
            clause="A7",
        )
    return pattern.text


def demand_room_for_partial(listed: int) -> None:
    """Raise Conflict `partials_full` when a list with so many partial plates takes no other."""
    if listed >= PARTIALS_AT_MOST:
        raise Conflict(
            f"this list holds {PARTIALS_AT_MOST} plates with wildcards already; take one off",
            code="partials_full",
            clause="A7",
        )


def listed(entry: Entry, on: HotList) -> ListedEntry:
    """The entry as matchers and hits know it."""
    return ListedEntry(
        id=entry.id,
        list_id=on.id,
        list_name=on.name,
        list_source=on.source,
        plate=entry.plate,
        category=entry.category,
        reason=entry.reason,
        state=entry.state,
        incident=entry.incident,
        expires_at=entry.expires_at,
    )


def late(read: PlateRead, now: datetime) -> bool:
    """Whether the read is too old at `now`, or was at receipt, for a live alert (E2)."""
    return read.late or now > read.live_until


def revised(
    hit: HitRaised, by: PlateRead, kind: MatchKind | None, said: HeardCorrection | None, now: datetime
) -> HitRaised | None:
    """The hit as a better version of its read has it, which meets its entry as `kind`; None when that is no news.

    What an officer `said` of the read stands: a version that says otherwise revises nothing.
    """
    known = hit.revised.version if hit.revised else hit.read.version
    if hit.by_correction or by.version <= known or by.plate == hit.word[0]:
        return None
    if said is not None and (by.plate != said.plate or (kind is None and not corrected.denied(by, hit.entry, said))):
        return None
    word = Revision(version=by.version, plate=by.plate, confidence=by.confidence, kind=kind, at=now)
    return structs.replace(hit, revised=word)


def as_said(match: Match, said: HeardCorrection | None) -> Match:
    """The match, never a live alert when an officer says that the read is another vehicle (J1)."""
    denied = corrected.denied(match.read, match.entry, said)
    return replace(match, read=corrected.never_live(match.read)) if denied else match


def raised(match: Match, hit_id: HitId, now: datetime) -> HitRaised:
    """The hit that a match raises at `now`; late when the read is too old by then for a live alert (E2)."""
    return HitRaised(
        agency_id=match.read.agency_id,
        id=hit_id,
        read=match.read,
        entry=match.entry,
        kind=match.kind,
        score=match.score,
        late=late(match.read, now),
        raised_at=now,
        by_correction=match.by_correction,
    )
