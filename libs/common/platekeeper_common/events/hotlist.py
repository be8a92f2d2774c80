"""Facts about hot lists and hits."""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import EntryId, HitId, ListId

MatchKind = Literal["exact", "look_alike", "partial"]
"""`partial`: the entry is a plate with wildcards, and the read one of many that it means; confirms nothing (A7)."""


class ListedEntry(Struct, frozen=True, kw_only=True, gc=False):
    """The hot list entry as it stood when it matched."""

    id: EntryId
    list_id: ListId
    list_name: str
    list_source: str
    plate: str
    """As `plates.normalise` writes it, or with wildcards as `patterns.parse` does."""
    category: str
    reason: str
    state: str | None = None
    incident: str | None = None
    expires_at: datetime | None = None
    list_updated_at: datetime | None = None
    """When the list last changed."""
    list_confirmed_at: datetime | None = None
    """When its source last gave the whole list, changed or not; None when it never did."""


class HitRaised(Event, frozen=True, kw_only=True):
    """A read matched a hot list entry. `late`: a matter for investigators, never a live alert (E2)."""

    type: ClassVar[str] = "hit.raised.v1"
    topic: ClassVar[Topic] = Topic("hit.raised")
    id: HitId
    read: PlateRead
    entry: ListedEntry
    kind: MatchKind
    score: float
    """0..1: how sure the match is, the read's confidence weighed by the kind of match."""
    late: bool
    raised_at: datetime
    by_correction: bool = False
    """The plate of `read` is what an officer said it is, and not what the camera read (J1); never a live alert."""

    @property
    def list_age_seconds(self) -> int | None:
        """Whole seconds between the list's last change or confirmation and this hit: how old its word was."""
        said = [at for at in (self.entry.list_updated_at, self.entry.list_confirmed_at) if at is not None]
        return max(0, int((self.raised_at - max(said)).total_seconds())) if said else None


class HotlistChanged(Event, frozen=True, kw_only=True):
    """A hot list reached a version; matchers load it from the list's own tables."""

    type: ClassVar[str] = "hotlist.changed.v1"
    topic: ClassVar[Topic] = Topic("hotlist.changed", compacted=True)
    list_id: ListId
    version: int

    @property
    def key(self) -> str:
        """The last version of each list stays."""
        return self.list_id
