"""Which reads are sightings of one hit, so that a vehicle that stays is told once and counted after.

A vehicle is a listed plate, however it was read; an entry with wildcards is met by many, each by its own plate. A read
is a sighting of a hit of its vehicle when it was captured within minutes of the hit's other sightings and within some
metres of the place that was told. It never is one when that would keep news from whoever listens: a live read of a hit
that was told as late, an exact match of a hit that was told as anything else, any match of a hit that was raised on a
misreading, by the word of a better version or of an officer. Whether a live read is told depends on live reads alone,
so that what a patrol car hands in days later silences nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from platekeeper_common import areas, patterns
from platekeeper_common.events.hotlist import HitRaised, MatchKind
from platekeeper_common.events.ingest import Position
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import AgencyId, CameraId, EntryId, HitId, ReadId
from platekeeper_hotlist import corrected, domain
from platekeeper_hotlist.corrected import HeardCorrection
from platekeeper_hotlist.matching import Match
from platekeeper_hotlist.policy import HotlistPolicy

Pair = tuple[ReadId, EntryId]
"""A read and an entry that it meets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedHit:
    """A hit with all its sightings, of which the read that raised it is the first."""

    raised: HitRaised
    sightings: int
    first_seen_at: datetime
    last_seen_at: datetime
    last_camera_id: CameraId
    last_position: Position | None
    last_live_at: datetime
    """Capture of the last sighting that was live; of the read that raised it while none was."""
    live_until: datetime
    """A live alert until then: as long as any of its live sightings is one (E2)."""
    told_late: bool
    """Raised or delivered as late: no live read is a sighting of it any more."""
    corrections: tuple[HeardCorrection, ...] = ()
    """What officers said of the read that raised it, first to last; the last stands."""

    @property
    def said(self) -> HeardCorrection | None:
        """What stands of the read that raised it."""
        return self.corrections[-1] if self.corrections else None

    @property
    def denied(self) -> bool:
        """Whether an officer says that it was raised on a misreading."""
        return corrected.denied(self.raised.read, self.raised.entry, self.said)

    def live(self, now: datetime) -> bool:
        """Whether it may still be shown as a live alert: one that is delivered too late is late too (E2).

        One of a partial plate never may (A7), nor one raised on a misreading (J1).
        """
        if self.raised.word[1] in ("partial", None) or self.denied:
            return False
        return not self.told_late and now <= self.live_until


@dataclass(frozen=True, slots=True)
class Sighting:
    """A read counted to a hit."""

    match: Match
    hit_id: HitId
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSighting:
    """A read as it was counted to a hit. Its picture is retention's to show, by the id of the read."""

    read_id: ReadId
    plate: str
    kind: MatchKind
    score: float
    late: bool
    camera_id: CameraId
    captured_at: datetime
    received_at: datetime
    position: Position | None
    counted_at: datetime
    corrections: tuple[HeardCorrection, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What a batch of matches comes to: hits to tell, hits that were seen again, and each match in one of them."""

    raised: list[CountedHit]
    seen_again: list[CountedHit]
    sightings: list[Sighting]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A vehicle in some time: a hit of it that was last seen from `since` on and first seen up to `until` counts."""

    entry_id: EntryId
    vehicle: str
    since: datetime
    until: datetime


def vehicle(of: Match | HitRaised) -> str:
    """The plate that stands for the vehicle."""
    return of.read.plate if patterns.is_pattern(of.entry.plate) else of.entry.plate


def as_raised(hit: HitRaised) -> CountedHit:
    """A hit as its first read leaves it."""
    read = hit.read
    return CountedHit(
        raised=hit,
        sightings=1,
        first_seen_at=read.captured_at,
        last_seen_at=read.captured_at,
        last_camera_id=read.camera_id,
        last_position=read.position,
        last_live_at=read.captured_at,
        live_until=read.live_until,
        told_late=hit.late,
    )


def stretches(matches: Iterable[Match], policies: Mapping[AgencyId, HotlistPolicy]) -> list[Stretch]:
    """Where the hits lie of which these matches may be sightings; far fewer than matches when vehicles stay."""
    found: list[Stretch] = []
    for match in sorted(matches, key=lambda match: (match.entry.id, vehicle(match), match.read.captured_at)):
        within, at = policies[match.read.agency_id].sighting_within, match.read.captured_at
        own = Stretch(match.entry.id, vehicle(match), at - within, at + within)
        last = found[-1] if found else own
        if found and (last.entry_id, last.vehicle) == (own.entry_id, own.vehicle) and own.since <= last.until:
            found[-1] = Stretch(own.entry_id, own.vehicle, last.since, own.until)
        else:
            found.append(own)
    return found


def uncounted(matches: Iterable[Match], counted: Mapping[Pair, HitId | None], now: datetime) -> list[Match]:
    """Those of the matches that no hit holds yet: `counted` says what does, None where the camera read it so.

    What was counted on an officer's word alone is news when the camera itself sees it in time for a live alert.
    """
    return [
        match
        for match in matches
        if (pair := (match.read.id, match.entry.id)) not in counted
        or (counted[pair] is not None and not match.by_correction and not domain.late(match.read, now))
    ]


def tally(
    matches: Iterable[Match],
    known: Iterable[CountedHit],
    policies: Mapping[AgencyId, HotlistPolicy],
    name: Callable[[Match], HitId],
    now: datetime,
    already: Mapping[Pair, HitId | None] | None = None,
) -> Tally:
    """Count each match once, to one of the `known` hits or to a hit that it raises at `now` under the id `name` gives.

    The best news goes first: live before late, exact before others, then as captured. `matches` are news: see
    `uncounted`. One that a hit counts `already` on an officer's word is not counted to that very hit again.
    """
    before = {hit.raised.id: hit for hit in known}
    hits: dict[tuple[EntryId, str], dict[HitId, CountedHit]] = {}
    for hit in before.values():
        hits.setdefault((hit.raised.entry.id, vehicle(hit.raised)), {})[hit.raised.id] = hit
    sightings = []
    for match in sorted(matches, key=lambda match: _news_last(match, now)):
        of_vehicle = hits.setdefault((match.entry.id, vehicle(match)), {})
        told = _told(match, of_vehicle.values(), policies[match.read.agency_id], now)
        if told and already and already.get((match.read.id, match.entry.id)) == told.raised.id:
            continue
        counted = _seen_again(told, match, now) if told else as_raised(domain.raised(match, name(match), now))
        of_vehicle[counted.raised.id] = counted
        sightings.append(Sighting(match, counted.raised.id, domain.late(match.read, now)))
    after = [hit for of_vehicle in hits.values() for hit in of_vehicle.values()]
    new = [hit for hit in after if hit.raised.id not in before]
    return Tally(new, [hit for hit in after if before.get(hit.raised.id, hit) != hit], sightings)


def belongs(match: Match, hit: CountedHit, policy: HotlistPolicy, now: datetime) -> bool:
    """Whether the match is a sighting of a hit of its vehicle, rather than news.

    Places are compared with the place that was told, so a vehicle that moves on is told again; so is one that stays for
    longer than `hit_told_again_after`.
    """
    late, told, at = domain.late(match.read, now), hit.raised.read, match.read.captured_at
    _, kind = hit.raised.word
    if kind is None or hit.denied:
        return False
    if (hit.told_late and not late) or (match.kind == "exact" and kind != "exact"):
        return False
    first, last = (hit.first_seen_at, hit.last_seen_at) if late else (told.captured_at, hit.last_live_at)
    return (
        first - policy.sighting_within <= at <= last + policy.sighting_within
        and abs(at - told.captured_at) < policy.hit_told_again_after
        and near(told, match.read, policy.sighting_within_metres)
    )


def near(one: PlateRead, other: PlateRead, metres: float) -> bool:
    """Whether two reads were made at one place: by their positions, or by their camera when one has no position."""
    if one.position is None or other.position is None:
        return one.camera_id == other.camera_id
    return areas.distance(one.position, other.position) <= metres


def _told(match: Match, hits: Iterable[CountedHit], policy: HotlistPolicy, now: datetime) -> CountedHit | None:
    """The hit of which the match is a sighting: a live and exact one first, then the one told nearest to it in time.

    Nothing in this choice depends on late sightings, or a live read's would.
    """
    its = [hit for hit in hits if belongs(match, hit, policy, now)]
    return min(its, key=lambda hit: _remoteness(hit, match), default=None)


def _remoteness(hit: CountedHit, match: Match) -> tuple[bool, bool, timedelta, str]:
    apart = abs(match.read.captured_at - hit.raised.read.captured_at)
    return hit.told_late, hit.raised.word[1] != "exact", apart, hit.raised.id


def _seen_again(hit: CountedHit, match: Match, now: datetime) -> CountedHit:
    read = match.read
    seen = replace(hit, sightings=hit.sightings + 1, first_seen_at=min(hit.first_seen_at, read.captured_at))
    if read.captured_at >= hit.last_seen_at:
        seen = replace(seen, last_seen_at=read.captured_at, last_camera_id=read.camera_id, last_position=read.position)
    if domain.late(read, now):
        return seen
    return replace(
        seen,
        last_live_at=max(hit.last_live_at, read.captured_at),
        live_until=max(hit.live_until, read.live_until),
    )


def _news_last(match: Match, now: datetime) -> tuple[bool, bool, datetime, str]:
    return domain.late(match.read, now), match.kind != "exact", match.read.captured_at, match.read.id
