"""Which frames are one pass of one vehicle, and what is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import msgspec
import pytest

from platekeeper_common.events.recognition import Box, Candidate, Model, PlateRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, FrameId, ReadId
from platekeeper_recognition import domain, passes, votes
from platekeeper_recognition.domain import Plate
from platekeeper_recognition.passes import Frame, Pass, Reach, Told, Watch
from platekeeper_recognition.votes import Votes

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
REACH = Reach(timedelta(seconds=4), timedelta(seconds=60))
AGENCY = AgencyId("pomona-pd")


def plate(*texts: tuple[str, float], x: int = 100, number: int = 1) -> Plate:
    return Plate(number, Box(x, 300, 120, 40), tuple(Candidate(text, confidence) for text, confidence in texts))


@dataclass
class Road:
    """A camera's frames and what is told of them, the passes kept as their rows would be."""

    known: list[Pass] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def sees(
        self, seconds: float, *plates: Plate, camera: str = "gate", agency: str = AGENCY, again: str = ""
    ) -> list[Told]:
        frame = Frame(
            FrameId(again or f"frame-{camera}-{seconds:012.3f}"),
            AgencyId(agency),
            CameraId(camera),
            NOON + timedelta(seconds=seconds),
        )
        watch = Watch(self.known, REACH)
        if (known := watch.again(frame)) is not None:
            return [Told(read.id, read.version, 0, read.candidates, read.frames or 0) for read in known]
        told = watch.see(frame, plates, lambda found: ReadId(f"{frame.id}/{found.number}"))
        for one in told:
            watch.tell(a_read(frame, one))
        changed = {one.read_id: one for one in watch.take_changed()}
        self.known = [*(one for one in self.known if one.read_id not in changed), *changed.values()]
        self.told += told
        return told

    @property
    def reads(self) -> list[str]:
        """The last word on each pass."""
        return list({one.read_id: one.candidates[0].plate for one in self.told}.values())


def a_read(frame: Frame, told: Told) -> PlateRead:
    return PlateRead(
        id=told.read_id,
        agency_id=frame.agency_id,
        camera_id=frame.camera_id,
        device_id=DeviceId("gateway"),
        plate=told.candidates[0].plate,
        confidence=told.candidates[0].confidence,
        captured_at=frame.captured_at,
        received_at=frame.captured_at,
        live_until=frame.captured_at,
        source="recognition",
        model=Model("test", "1"),
        version=told.version,
        frames=told.frames,
        frame_id=frame.id,
        candidates=told.candidates,
    )


def test_the_first_frame_is_told_at_once_as_it_was_read() -> None:
    [told] = Road().sees(0, plate(("7SAM123", 0.8), ("7SAN123", 0.1)))
    assert (told.read_id, told.version, told.frames) == ("frame-gate-00000000.000/1", 1, 1)
    assert told.candidates == (Candidate("7SAM123", 0.8, 1), Candidate("7SAN123", 0.1, 0))


def test_ten_frames_a_second_are_one_read_and_what_says_the_same_is_not_told_again() -> None:
    road = Road()
    for tenth in range(40):
        road.sees(tenth / 10, plate(("7SAM123", 0.97), ("7SAN123", 0.01), x=100 + 5 * tenth))
    [told] = road.told
    [one] = road.known
    assert (told.version, one.votes.frames, len(one.frames)) == (1, 40, 40)


def test_a_better_plate_is_a_new_version_told_by_a_frame_that_shows_it() -> None:
    road = Road()
    road.sees(0, plate(("75AM123", 0.5), ("7SAM123", 0.3)))
    [told] = road.sees(0.1, plate(("7SAM123", 0.9), ("75AM123", 0.05)))
    assert (told.version, told.frames, told.read_id) == (2, 2, road.told[0].read_id)
    assert told.candidates[0].plate == "7SAM123"
    assert [(one.plate, one.votes) for one in told.candidates] == [("7SAM123", 1), ("75AM123", 1)]
    assert road.sees(0.2, plate(("75AM123", 0.4), ("7SAM123", 0.35))) == []


def test_one_bad_frame_among_good_ones_changes_nothing() -> None:
    road = Road()
    for tenth in range(5):
        road.sees(tenth / 10, plate(("7SAM123", 0.9)))
    assert road.sees(0.5, plate(("7SAM128", 0.95))) == []
    assert road.reads == ["7SAM123"]
    [one] = road.known
    assert {name.plate: name.first for name in one.votes.names} == {"7SAM123": 5, "7SAM128": 1}


def test_a_surer_reading_is_told_when_the_doubt_has_halved_and_not_without_end() -> None:
    road = Road()
    for tenth in range(50):
        road.sees(tenth / 10, plate(("7SAM123", min(0.3 + tenth / 50, 0.99))))
    assert [one.version for one in road.told] == list(range(1, len(road.told) + 1))
    assert 2 <= len(road.told) <= 4
    confidences = [one.candidates[0].confidence for one in road.told]
    assert all(1 - later <= (1 - sooner) / 2 + 1e-9 for sooner, later in pairwise(confidences))


def test_a_reading_that_goes_to_and_fro_ends() -> None:
    road = Road()
    one = plate(("7SAM123", 0.6), ("7SAN123", 0.3))
    other = plate(("7SAN123", 0.6), ("7SAM123", 0.3))
    # Each change needs more votes than the last.
    for number in range(300):
        best = votes.standing(road.known[0].votes)[0].plate if road.known else "7SAN123"
        road.sees(number / 10, other if best == "7SAM123" else one)
    assert len(road.known) == 1
    assert len(road.told) <= passes.MOST_VERSIONS


def test_two_vehicles_in_one_frame_are_two_reads_however_alike() -> None:
    road = Road()
    for tenth in range(5):
        road.sees(
            tenth / 10,
            plate(("7SAM123", 0.7), ("7SAM128", 0.2), x=100 + 4 * tenth),
            plate(("7SAM128", 0.7), ("7SAM123", 0.2), x=400 + 4 * tenth, number=2),
        )
    assert sorted(road.reads) == ["7SAM123", "7SAM128"]
    assert [one.votes.frames for one in road.known] == [5, 5]


def test_the_same_plate_twice_in_one_frame_stays_two() -> None:
    road = Road()
    for tenth in range(5):
        road.sees(tenth / 10, plate(("7SAM123", 0.9), x=100 + tenth), plate(("7SAM123", 0.9), x=600 - tenth, number=2))
    assert len(road.told) == 2
    assert {one.box.x for one in road.known} == {104, 596}


def test_another_camera_and_another_agency_have_passes_of_their_own() -> None:
    road = Road()
    seen = plate(("7SAM123", 0.9))
    road.sees(0, seen)
    road.sees(0.1, seen, camera="exit")
    road.sees(0.2, seen, agency="galt-pd")
    assert len(road.told) == len({one.read_id for one in road.told}) == 3


def test_a_vehicle_that_comes_back_is_a_new_pass_and_so_is_one_that_stays_for_long() -> None:
    road = Road()
    seen = plate(("7SAM123", 0.9))
    road.sees(0, seen)
    road.sees(60, seen)
    assert len(road.told) == 2
    for second in range(62, 130, 2):
        road.sees(second, seen)
    assert len(road.told) == 3


@pytest.mark.parametrize("second", [("7SAM124", 0.97), ("8XYZ999", 0.97)], ids=["a fleet's next car", "another car"])
def test_the_next_car_at_the_same_place_is_another(second: tuple[str, float]) -> None:
    road = Road()
    road.sees(0, plate(("7SAM123", 0.97)))
    road.sees(2, plate(second))
    assert road.reads == ["7SAM123", second[0]]


@pytest.mark.parametrize(
    ("first", "until", "second", "since", "confidence"),
    [
        ("7SAM123", 300, "7SAM124", 308, 0.97),
        ("7SAM124", 300, "7SAM123", 308, 0.97),
        ("7SAM123", 5, "7SAM124", 10, 0.97),
        ("7SAM123", 30, "7SAM124", 38, 0.97),
        ("7SAM123", 10, "7SAM124", 48, 0.89),
        ("7SAM123", 10, "7SAM124", 48, 0.5),
    ],
    ids=["both stay", "the other way round", "the first goes soon", "the second goes soon", "less sure", "in doubt"],
)
def test_a_fleet_s_next_car_is_told_and_so_stays_the_one_before_it(
    first: str, until: int, second: str, since: int, confidence: float
) -> None:
    road = Road()
    for tenth in range(until):
        road.sees(tenth / 10, plate((first, 0.97)))
    for tenth in range(since, since + 290):
        road.sees(tenth / 10, plate((second, confidence)))
    assert road.reads == [first, second]


@pytest.mark.parametrize(
    ("second", "seconds", "x", "count"),
    [
        (("7SAM12", 0.9), 0.1, 110, 1),  # a character lost, at once
        (("7SAM12", 0.4), 1, 110, 1),
        (("7SAM12", 0.4), 1, 900, 2),  # elsewhere in the picture
        (("7SAM12", 0.4), 1.1, 110, 2),  # later: it may be another's
        (("SAM1", 0.4), 0.1, 110, 2),  # too little left of it
    ],
)
def test_what_reads_almost_alike_must_be_where_the_vehicle_was(
    second: tuple[str, float], seconds: float, x: int, count: int
) -> None:
    road = Road()
    road.sees(0, plate(("7SAM123", 0.95)))
    road.sees(seconds, plate(second, x=x))
    assert len(road.known) == count


def test_the_same_text_is_the_same_vehicle_wherever_in_the_picture() -> None:
    road = Road()
    road.sees(0, plate(("7SAM123", 0.9), x=0))
    road.sees(1, plate(("7SAM123", 0.9), x=1800))
    assert len(road.told) == 1


def counted_in(order: Sequence[tuple[float, Plate]]) -> tuple[object, ...]:
    road = Road()
    for seconds, seen in order:
        road.sees(seconds, seen)
    [one] = road.known
    return one.first_at, one.last_at, one.first_box, one.box, one.votes.frames, *votes.standing(one.votes)


def test_frames_in_any_order_are_one_pass_with_the_same_votes_and_places() -> None:
    said = [
        (0.0, plate(("7SAM123", 0.9))),
        (1.5, plate(("7SAM123", 0.6), ("7SAN123", 0.3), x=900)),
        (3.0, plate(("7SAM123", 0.8), x=1700)),
    ]
    assert len({counted_in(order) for order in permutations(said)}) == 1


def test_bad_frames_in_any_order_after_a_good_one_beside_them_are_of_its_pass() -> None:
    first, bad_first = (0.0, plate(("7SAM123", 0.95))), (0.1, plate(("7SAM12", 0.6), x=110))
    last, bad_last = (0.9, plate(("7SAM123", 0.95), x=1500)), (1.0, plate(("SAM123", 0.6), x=1510))
    orders = [
        order
        for order in permutations((first, bad_first, last, bad_last))
        if order.index(first) < order.index(bad_first) and order.index(last) < order.index(bad_last)
    ]
    assert len({counted_in(order) for order in orders}) == 1


def test_a_frame_that_comes_again_is_not_counted_and_is_told_with_all_that_followed() -> None:
    road = Road()
    road.sees(0, plate(("75AM123", 0.5), ("7SAM123", 0.3)))
    road.sees(0.1, plate(("7SAM123", 0.9)))
    before = list(road.known)
    assert [one.version for one in road.sees(0, again="frame-gate-00000000.000")] == [1, 2]
    assert [one.version for one in road.sees(0.1, again="frame-gate-00000000.100")] == [2]
    assert road.sees(0.2, plate(("75AM123", 0.4))) == []
    assert road.sees(0.2, again="frame-gate-00000000.200") == []
    assert [one.votes.frames for one in before] == [2]
    assert [one.votes.frames for one in road.known] == [3]


def test_a_plate_that_the_first_reading_took_for_likely_too_is_the_same_vehicle_s() -> None:
    road = Road()
    for tenth in range(5):
        road.sees(tenth / 10, plate(("7SAM123", 0.6), ("7SAN123", 0.3)))
    road.sees(3, plate(("7SAN123", 0.97)))
    road.sees(3, plate(("7SAQ123", 0.6), ("7SAM123", 0.3)), again="named by the other")
    assert len(road.known) == 1


def test_a_misread_frame_that_comes_late_belongs_where_its_plate_was_read_all_along() -> None:
    road = Road()
    for tenth in range(100):
        road.sees(tenth / 10, plate(("7SAM123", 0.97)))
    assert road.sees(5.05, plate(("7SAM124", 0.97))) == []


def test_a_pass_that_an_older_version_kept_is_counted_on() -> None:
    road = Road()
    road.sees(0, plate(("7SAM123", 0.9)))
    row = msgspec.to_builtins(road.known[0])
    del row["first_box"]
    for name in row["votes"]["names"]:
        for later in ("beside", "since", "until"):
            del name[later]
    road.known = [msgspec.convert(row, Pass)]
    road.sees(0.9, plate(("7SAM12", 0.9)))
    assert [one.votes.frames for one in road.known] == [2]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("7SAM123", "7SAM123", 0), ("7SAM123", "7SAM12", 1), ("7SAM123", "SAM1234", 2), ("", "AB1", 3), ("AB", "BA", 2)],
)
def test_edits_between_texts(one: str, other: str, count: int) -> None:
    assert domain.edits(one, other) == domain.edits(other, one) == count


def pooled(*frames: tuple[tuple[str, float], ...]) -> dict[str, float]:
    counted = Votes()
    for frame in frames:
        counted = votes.counted(counted, [Candidate(*one) for one in frame], NOON)
    return {one.plate: one.confidence for one in votes.standing(counted)}


@pytest.mark.parametrize("confidence", [0.3, 0.6, 0.9, 0.99])
def test_however_many_frames_agree_they_are_worth_two_at_most(confidence: float) -> None:
    alone, many = pooled((("7SAM123", confidence),)), pooled(*[(("7SAM123", confidence),)] * 500)
    assert alone == {"7SAM123": confidence}
    left = max(1 - confidence, 0.01)
    assert many["7SAM123"] == pytest.approx(confidence**2 / (confidence**2 + left**2), abs=0.01)


def test_pooled_confidences_are_shares_of_one() -> None:
    frames = [(("7SAM123", 0.6), ("7SAN123", 0.3)), (("7SAN123", 0.5), ("75AM123", 0.45)), (("7SAM123", 1.0),)]
    for count in range(1, 4):
        assert 0 < sum(pooled(*frames[:count]).values()) <= 1.0001


def test_most_frames_win_over_one_that_is_surer() -> None:
    assert next(iter(pooled((("7SAM123", 0.6),), (("7SAN123", 0.9),), (("7SAM123", 0.6),)))) == "7SAM123"
