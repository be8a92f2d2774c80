"""The rules that say which reads are one hit, against any order, repetition and grouping of the reads."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.hotlist.test_matching import AGENCIES, NOW, POLICY, listed, seen

from platekeeper_common.areas import distance
from platekeeper_common.events.ingest import Position
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import CameraId, EntryId, HitId, ReadId
from platekeeper_hotlist import sightings
from platekeeper_hotlist.matching import Match
from platekeeper_hotlist.sightings import CountedHit, Sighting

POLICIES = dict.fromkeys(AGENCIES, POLICY)
STEP = 0.0018
"""Degrees of latitude, some 200 metres."""


@dataclass
class Book:
    """What the tables would hold."""

    hits: dict[HitId, CountedHit] = field(default_factory=dict)
    sightings: dict[tuple[ReadId, EntryId], Sighting] = field(default_factory=dict)

    def count(self, matches: Iterable[Match]) -> None:
        new = [match for match in matches if (match.read.id, match.entry.id) not in self.sightings]
        tally = sightings.tally(new, self._in_question(new), POLICIES, name, NOW)
        for hit in (*tally.raised, *tally.seen_again):
            self.hits[hit.raised.id] = hit
        for sighting in tally.sightings:
            key = (sighting.match.read.id, sighting.match.entry.id)
            assert key not in self.sightings
            self.sightings[key] = sighting

    def _in_question(self, matches: Sequence[Match]) -> list[CountedHit]:
        return [
            hit
            for hit in self.hits.values()
            for asked in sightings.stretches(matches, POLICIES)
            if (hit.raised.entry.id, sightings.vehicle(hit.raised)) == (asked.entry_id, asked.vehicle)
            and hit.last_seen_at >= asked.since
            and hit.first_seen_at <= asked.until
        ]

    def told(self, *, late: bool) -> set[HitId]:
        return {hit.raised.id for hit in self.hits.values() if hit.raised.late == late}


def name(match: Match) -> HitId:
    return HitId(f"{match.read.id} {match.entry.id}")


def met(read: PlateRead, plate: str = "7SAM123", entry: int = 1) -> Match:
    return Match(read, listed(entry, plate), "exact" if read.plate == plate else "look_alike", read.confidence)


def passing(number: int, minute: float, steps: int | None = 0, *, late: bool = False, plate: str = "7SAM123") -> Match:
    """A read so many minutes and steps from a first one."""
    return met(
        seen(
            plate,
            id=ReadId(f"read-{number:02}"),
            camera_id=CameraId("here" if steps is None else f"camera-{steps}"),
            captured_at=NOW + timedelta(minutes=minute),
            received_at=NOW,
            live_until=NOW - timedelta(seconds=1) if late else NOW,
            position=None if steps is None else Position(34.0 + steps * STEP, -117.75),
        )
    )


@st.composite
def days(draw: st.DrawFn) -> list[Match]:
    """Reads of two vehicles in some hours around a few places, live and late, read well and less well."""
    matches = []
    for number in range(draw(st.integers(3, 14))):
        match = passing(
            number,
            draw(st.integers(-12, 0)) * draw(st.sampled_from([4] * 5 + [60])),
            draw(st.sampled_from([0] * 6 + [1, 2, None])),
            late=draw(st.booleans()),
            plate=draw(st.sampled_from(["7SAM123"] * 4 + ["75AM123"])),
        )
        matches.append(match)
        if draw(st.booleans()):
            matches.append(Match(match.read, listed(2, "7SAM123"), match.kind, match.score))
    return matches


def in_batches(matches: Sequence[Match], dice: random.Random) -> list[list[Match]]:
    """The matches in any order and in groups, some of them twice."""
    again = [*matches, *(match for match in matches if dice.random() < 0.3)]
    dice.shuffle(again)
    batches: list[list[Match]] = [[]]
    for match in again:
        if batches[-1] and (match in batches[-1] or dice.random() < 0.5):
            batches.append([])
        batches[-1].append(match)
    return batches


@given(days(), st.randoms(use_true_random=False))
def test_in_any_order_each_read_counts_once_for_an_entry_in_one_hit(matches: list[Match], dice: random.Random) -> None:
    book = Book()
    for batch in in_batches(matches, dice):
        book.count(batch)
    assert set(book.sightings) == {(match.read.id, match.entry.id) for match in matches}
    of_hits = Counter(sighting.hit_id for sighting in book.sightings.values())
    assert of_hits == {hit.raised.id: hit.sightings for hit in book.hits.values()}
    for hit_id, hit in book.hits.items():
        reads = [sighting.match.read for sighting in book.sightings.values() if sighting.hit_id == hit_id]
        moments = [read.captured_at for read in reads]
        assert (hit.first_seen_at, hit.last_seen_at) == (min(moments), max(moments))
        assert hit.raised.read in reads
        last = [read for read in reads if read.captured_at == hit.last_seen_at]
        assert (hit.last_camera_id, hit.last_position) in [(read.camera_id, read.position) for read in last]


@given(days(), st.randoms(use_true_random=False))
def test_what_is_counted_to_a_hit_is_no_news(matches: list[Match], dice: random.Random) -> None:
    book = Book()
    for batch in in_batches(matches, dice):
        book.count(batch)
    for sighting in book.sightings.values():
        hit, read = book.hits[sighting.hit_id].raised, sighting.match.read
        assert hit.entry.id == sighting.match.entry.id
        assert sighting.late or not hit.late
        assert hit.kind == "exact" or sighting.match.kind != "exact"
        assert abs(read.captured_at - hit.read.captured_at) < POLICY.hit_told_again_after
        if read.position and hit.read.position:
            assert distance(read.position, hit.read.position) <= POLICY.sighting_within_metres
        else:
            assert read.camera_id == hit.read.camera_id


@pytest.mark.clause("E2")
@settings(max_examples=300)
@given(days(), st.randoms(use_true_random=False))
def test_late_reads_never_change_what_is_told_live(matches: list[Match], dice: random.Random) -> None:
    with_late, without = Book(), Book()
    for batch in in_batches(matches, dice):
        with_late.count(batch)
        without.count([match for match in batch if not match.read.late])
    assert with_late.told(late=False) == without.told(late=False)
    assert without.told(late=True) == set()


@pytest.mark.parametrize(
    ("minutes", "hits"),
    [
        ([0, 10], 1),
        ([0, 10.1], 2),
        ([0, 9, 18, 27], 1),
        ([0, 9, 20, 29], 2),
        ([*range(0, 8 * 60, 9)], 1),
        ([*range(0, 8 * 60 + 9, 9)], 2),
    ],
)
def test_a_vehicle_that_stays_is_one_hit_until_it_is_away_or_has_stayed_for_a_shift(
    minutes: list[float], hits: int
) -> None:
    one_by_one, at_once = Book(), Book()
    matches = [passing(number, minute - 600) for number, minute in enumerate(minutes)]
    for match in matches:
        one_by_one.count([match])
    at_once.count(matches)
    assert (len(one_by_one.hits), len(at_once.hits)) == (hits, hits)


def test_late_reads_that_come_last_first_are_one_hit() -> None:
    book = Book()
    for number, minute in enumerate([27, 18, 9, 0]):
        book.count([passing(number, minute, late=True)])
    assert [(hit.sightings, hit.raised.late) for hit in book.hits.values()] == [(4, True)]


@pytest.mark.parametrize(
    ("places", "hits"), [([0, 1], 1), ([0, 2], 2), ([0, 1, 2], 2), ([None, None], 1), ([0, None], 2), ([None, 0], 2)]
)
def test_a_vehicle_that_moves_from_where_it_was_told_is_told_again(places: list[int | None], hits: int) -> None:
    book = Book()
    for number, steps in enumerate(places):
        book.count([passing(number, 0, steps)])
    assert len(book.hits) == hits


def test_without_a_position_the_same_camera_is_the_same_place() -> None:
    book = Book()
    book.count([met(seen("7SAM123", id=ReadId("a"), position=Position(34.0, -117.75)))])
    book.count([met(seen("7SAM123", id=ReadId("b")))])
    book.count([met(seen("7SAM123", id=ReadId("c"), camera_id=CameraId("other")))])
    assert sorted(hit.sightings for hit in book.hits.values()) == [1, 2]


def test_better_news_is_told_and_worse_is_counted() -> None:
    kinds = ("75AM123", "7SAM123", "75AM123", "7SAM123")
    book = Book()
    for number, plate in enumerate(kinds):
        book.count([passing(number, number, plate=plate)])
    assert [(hit.raised.kind, hit.sightings) for hit in book.hits.values()] == [("look_alike", 1), ("exact", 3)]


@pytest.mark.clause("E2")
def test_a_late_hit_never_keeps_a_live_one_from_being_told() -> None:
    book = Book()
    book.count([passing(0, 0, late=True)])
    book.count([passing(1, 1), passing(2, 2)])
    book.count([passing(3, 3, late=True)])
    assert [(hit.raised.late, hit.sightings) for hit in book.hits.values()] == [(True, 1), (False, 3)]


@pytest.mark.clause("E2")
def test_late_sightings_hold_no_hit_open_for_live_ones() -> None:
    book = Book()
    book.count([passing(0, 0)])
    book.count([passing(1, 9, late=True)])
    book.count([passing(2, 11)])
    assert [(hit.raised.late, hit.sightings) for hit in book.hits.values()] == [(False, 2), (False, 1)]


def test_an_entry_with_wildcards_is_met_by_many_vehicles() -> None:
    book = Book()
    for number, plate in enumerate(("7SAM123", "7SAN123", "7SAM123")):
        book.count([met(seen(plate, id=ReadId(f"read-{number}")), "7SA?1*")])
    assert sorted((hit.raised.read.plate, hit.sightings) for hit in book.hits.values()) == [
        ("7SAM123", 2),
        ("7SAN123", 1),
    ]


def test_one_vehicle_that_stays_is_one_stretch_however_often_it_was_read() -> None:
    stays = [passing(number, number / 10) for number in range(60)]
    later = passing(60, 120)
    first, last = sightings.stretches([*stays, later], POLICIES)
    assert first.until - first.since == 2 * POLICY.sighting_within + timedelta(minutes=5.9)
    assert last.since == later.read.captured_at - POLICY.sighting_within
