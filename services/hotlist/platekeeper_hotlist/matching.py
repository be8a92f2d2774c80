"""Matches reads against the entries in force: exactly, through characters that readers confuse, and by wildcards.

Every character is folded to the first of its look-alike set, so all plates that could be taken for one another share
one key. A match is one look-up of that key and a count of the characters that differ, however long the lists are.
Plates with wildcards are kept apart (`partials.py`) and meant literally: their characters stand for no look-alikes,
for what is known of a partial plate is little enough.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from platekeeper_common import patterns
from platekeeper_common.events.hotlist import ListedEntry, MatchKind
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import AgencyId, EntryId, ListId, ReadId
from platekeeper_hotlist.partials import Partials
from platekeeper_hotlist.policy import HotlistPolicy

USUAL_LOOK_ALIKES = ("0ODQ", "1I", "2Z", "5S", "8B", "6G")
"""By what entries are sorted before a read tells the sets of its agency's policy: sorting anew takes time."""
LOOK_ALIKE_WEIGHT = 0.5
"""What a look-alike character leaves of the read's confidence."""
PARTIAL_WEIGHT = 0.2
"""What a plate with wildcards leaves at most: less than two look-alikes, which no policy may exceed."""

HEARD_FOR = timedelta(hours=1)
"""For longer than the versions of any read lie apart."""
MOST_HEARD = 100_000
"""Reads, some 25 MB."""


@dataclass(frozen=True, slots=True)
class Match:
    """A read met an entry of its own agency."""

    read: PlateRead
    entry: ListedEntry
    kind: MatchKind
    score: float
    """0..1, see `score`."""
    by_correction: bool = False
    """The read's plate is an officer's word, and not the camera's (J1)."""


@dataclass(slots=True)
class _Shelf:
    """One agency's entries by folded plate, and those with wildcards."""

    look_alikes: tuple[str, ...] = USUAL_LOOK_ALIKES
    folds: dict[int, str] = field(default_factory=lambda: _folds(USUAL_LOOK_ALIKES))
    entries: dict[str, dict[EntryId, ListedEntry]] = field(default_factory=dict)
    partials: Partials = field(default_factory=Partials)

    def put(self, entry: ListedEntry) -> None:
        if patterns.is_pattern(entry.plate):
            self.partials.put(entry)
            return
        self.entries.setdefault(entry.plate.translate(self.folds), {})[entry.id] = entry

    def drop(self, entry: ListedEntry) -> None:
        if patterns.is_pattern(entry.plate):
            self.partials.drop(entry)
            return
        key = entry.plate.translate(self.folds)
        del self.entries[key][entry.id]
        if not self.entries[key]:
            del self.entries[key]

    def fold(self, look_alikes: tuple[str, ...]) -> None:
        """Sort anew: the agency's sets are others than before."""
        kept = [entry for bucket in self.entries.values() for entry in bucket.values()]
        self.look_alikes, self.entries = look_alikes, {}
        self.folds = _folds(look_alikes)
        for entry in kept:
            self.put(entry)


class Index:
    """The entries in force of every agency, in memory."""

    def __init__(self) -> None:
        """Empty."""
        self._shelves: dict[AgencyId, _Shelf] = {}
        self._places: dict[EntryId, tuple[AgencyId, ListedEntry]] = {}
        self._ages: dict[ListId, tuple[datetime, datetime | None]] = {}

    def __len__(self) -> int:
        """How many entries it holds, expired ones too."""
        return len(self._places)

    @property
    def agencies(self) -> Collection[AgencyId]:
        """Those that have, or once had, an entry."""
        return self._shelves.keys()

    def put(self, agency_id: AgencyId, entry: ListedEntry) -> None:
        """Take the entry in, in place of what was known under its id."""
        self.drop(entry.id)
        self._shelves.setdefault(agency_id, _Shelf()).put(entry)
        self._places[entry.id] = (agency_id, entry)

    def drop(self, entry_id: EntryId) -> None:
        """Forget the entry, if it is here."""
        if (place := self._places.pop(entry_id, None)) is not None:
            agency_id, entry = place
            self._shelves[agency_id].drop(entry)

    def aged(self, list_id: ListId, updated_at: datetime, confirmed_at: datetime | None) -> None:
        """When the list last changed, and when its source last gave the whole of it."""
        self._ages[list_id] = (updated_at, confirmed_at)

    def alike(self, agency_id: AgencyId, plate: str, look_alikes: tuple[str, ...]) -> list[ListedEntry]:
        """The agency's entries whose plates differ from `plate` within the sets only, by however many characters."""
        if (shelf := self._shelves.get(agency_id)) is None:
            return []
        if shelf.look_alikes != look_alikes:
            shelf.fold(look_alikes)
        return list(shelf.entries.get(plate.translate(shelf.folds), {}).values())

    def has_partials(self, agency_id: AgencyId) -> bool:
        """Whether the agency has entries with wildcards."""
        return (shelf := self._shelves.get(agency_id)) is not None and len(shelf.partials) > 0

    def meaning(self, read: PlateRead) -> dict[EntryId, tuple[ListedEntry, str, float]]:
        """The read's agency's entries with wildcards that mean the plate or a candidate: by which text, how sure it is.

        Of several texts that one entry means, the surest.
        """
        partials = self._shelves[read.agency_id].partials
        texts = {candidate.plate: candidate.confidence for candidate in read.candidates} | {read.plate: read.confidence}
        found: dict[EntryId, tuple[ListedEntry, str, float]] = {}
        for text, sure in texts.items():
            for entry in partials.meaning(text):
                if entry.id not in found or sure > found[entry.id][2]:
                    found[entry.id] = (entry, text, sure)
        return found

    def today(self, entry: ListedEntry) -> ListedEntry:
        """The entry with the age that its list has now."""
        updated_at, confirmed_at = self._ages.get(entry.list_id, (None, None))
        return replace(entry, list_updated_at=updated_at, list_confirmed_at=confirmed_at)


class LastHeard:
    """The last versions of reads that came in several, as this process heard them: an older one is told by nobody.

    In memory alone: written down, they would double the time of a batch (ADR 0038).
    """

    def __init__(self) -> None:
        """None yet."""
        self._versions: OrderedDict[ReadId, tuple[int, datetime]] = OrderedDict()

    def outdates(self, read: PlateRead) -> bool:
        """Whether a better version of the read was heard before."""
        last = self._versions.get(read.id)
        return last is not None and read.version < last[0]

    def hear(self, better: Sequence[PlateRead], now: datetime) -> None:
        """Remember these versions, which nothing outdates, and forget what was heard long before."""
        for read in better:
            self._versions[read.id] = (read.version, now)
            self._versions.move_to_end(read.id)
        while self._versions:
            _, heard_at = self._versions[next(iter(self._versions))]
            if len(self._versions) <= MOST_HEARD and heard_at > now - HEARD_FOR:
                break
            self._versions.popitem(last=False)


def find(
    reads: Sequence[PlateRead], index: Index, policies: Mapping[AgencyId, HotlistPolicy], now: datetime
) -> list[Match]:
    """The best match of each read with each entry of its own agency that is in force at `now` (aware).

    An expired entry never matches; nor does one whose state is known to be another than the read's. Of several versions
    of a read the last counts; of several reads of one id and version the best match, an exact one first. Agencies
    without a policy in `policies` are left out.
    """
    best: dict[tuple[ReadId, EntryId], Match] = {}
    for read in last_versions(reads):
        if (policy := policies.get(read.agency_id)) is None:
            continue
        met = [
            _compare(read, entry, policy, now) for entry in index.alike(read.agency_id, read.plate, policy.look_alikes)
        ]
        if index.has_partials(read.agency_id):
            met += [_meant(read, *meaning, now) for meaning in index.meaning(read).values()]
        for match in met:
            if match is not None:
                key = (read.id, match.entry.id)
                if key not in best or _rank(match) > _rank(best[key]):
                    best[key] = match
    return [Match(match.read, index.today(match.entry), match.kind, match.score) for match in best.values()]


def meets(read: PlateRead, entry: ListedEntry, policy: HotlistPolicy) -> MatchKind | None:
    """How the read meets an entry of its agency, in force or not any more; None: its plate or stated state does not."""
    if not _same_state(read, entry):
        return None
    if patterns.is_pattern(entry.plate):
        pattern = patterns.Pattern(entry.plate)
        texts = (read.plate, *(candidate.plate for candidate in read.candidates))
        return "partial" if any(pattern.matches(text) for text in texts) else None
    folds = _folds(policy.look_alikes)
    if read.plate.translate(folds) != entry.plate.translate(folds):
        return None
    return _kind(_differing(read, entry), policy)


def last_versions(reads: Sequence[PlateRead]) -> list[PlateRead]:
    """The reads without those of which a better version is among them."""
    if all(read.version == 1 for read in reads):
        return list(reads)
    last: dict[ReadId, int] = {}
    for read in reads:
        last[read.id] = max(read.version, last.get(read.id, read.version))
    return [read for read in reads if read.version == last[read.id]]


def score(read: PlateRead, entry: ListedEntry, differing: int) -> float:
    """How sure a match is, 0..1.

    The read's confidence, halved for each of the `differing` characters. When the recogniser itself names the entry's
    plate among its candidates and is surer of it than that, its word counts instead.
    """
    weighed = read.confidence * LOOK_ALIKE_WEIGHT**differing
    named = (candidate.confidence for candidate in read.candidates if candidate.plate == entry.plate)
    return min(1.0, max(0.0, weighed, *named))


def partial_score(entry: ListedEntry, text: str, sure: float) -> float:
    """How sure it is that a plate with wildcards means this car, 0..0.2: below every look-alike of the same read.

    The confidence of the text, times a fifth, times the share of its characters that the entry knows.
    """
    known = sum(character not in "?*" for character in entry.plate)
    return min(1.0, max(0.0, sure)) * PARTIAL_WEIGHT * known / len(text)


def _compare(read: PlateRead, entry: ListedEntry, policy: HotlistPolicy, now: datetime) -> Match | None:
    """Judge two plates that are alike."""
    differing = _differing(read, entry)
    kind = _kind(differing, policy)
    if kind is None or not _concerned(read, entry, now):
        return None
    return Match(read, entry, kind, score(read, entry, differing))


def _meant(read: PlateRead, entry: ListedEntry, text: str, sure: float, now: datetime) -> Match | None:
    """Judge a text of the read that a plate with wildcards means."""
    return Match(read, entry, "partial", partial_score(entry, text, sure)) if _concerned(read, entry, now) else None


def _concerned(read: PlateRead, entry: ListedEntry, now: datetime) -> bool:
    """Whether the entry is in force, and of no other state than the read's, unless that is only guessed."""
    if entry.expires_at is not None and entry.expires_at <= now:
        return False
    return _same_state(read, entry)


def _same_state(read: PlateRead, entry: ListedEntry) -> bool:
    return not read.stated or not entry.state or read.stated == entry.state


def _differing(read: PlateRead, entry: ListedEntry) -> int:
    return sum(mine != theirs for mine, theirs in zip(read.plate, entry.plate, strict=True))


def _kind(differing: int, policy: HotlistPolicy) -> MatchKind | None:
    if differing > policy.look_alikes_at_most:
        return None
    return "look_alike" if differing else "exact"


def _rank(match: Match) -> tuple[bool, float]:
    return match.kind == "exact", match.score


def _folds(look_alikes: tuple[str, ...]) -> dict[int, str]:
    return {ord(character): alike[0] for alike in look_alikes for character in alike}
