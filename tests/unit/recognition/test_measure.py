"""Scoring, on reads and truths made by hand."""

from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common.events.recognition import Box, Candidate
from platekeeper_recognition import domain, measure
from platekeeper_recognition.domain import Plate
from platekeeper_recognition.measure import Truth

TEXTS = st.text("ABO01", max_size=8)
SIDES = st.integers(1, 60)
BOXES = st.builds(Box, st.integers(0, 60), st.integers(0, 60), SIDES, SIDES)
READS = st.builds(
    lambda text, box, confidence: Plate(1, box, (Candidate(text, confidence),)),
    st.text("ABO01", min_size=1, max_size=8),
    BOXES,
    st.floats(0, 1),
)
TRUTHS = st.builds(Truth, TEXTS, BOXES)


def plate(text: str, box: Box, confidence: float = 0.9) -> Plate:
    return Plate(1, box, (Candidate(text, confidence), Candidate("ELSE", 0.01)))


def test_a_plate_gets_the_most_confident_read_whose_centre_lies_in_its_box() -> None:
    truth = Truth("7ABC123", Box(100, 100, 80, 40))
    right = plate("7ABC123", Box(110, 115, 60, 20), 0.8)
    slogan = plate("G0LD3N", Box(110, 130, 60, 8), 0.3)
    beside = plate("5XYZ987", Box(0, 100, 180, 40), 0.99)

    scored = measure.scene([truth], [slogan, beside, right])

    assert scored.outcomes[0].read is right
    assert scored.outcomes[0].exact
    assert scored.false_reads == (beside, slogan)


def test_a_read_serves_one_plate_alone() -> None:
    inside, around = Truth("AB12", Box(10, 10, 40, 20)), Truth("CD34", Box(0, 0, 100, 60))
    only = plate("AB12", Box(12, 12, 36, 16))

    scored = measure.scene([inside, around], [only])

    assert [outcome.text for outcome in scored.outcomes] == ["AB12", ""]
    assert not scored.false_reads


def test_scenes_are_added_up() -> None:
    box = Box(0, 0, 40, 20)
    scenes = [
        measure.scene([Truth("ABC1230", box)], [plate("ABC1230", box)]),
        measure.scene([Truth("ABC1230", box)], [plate("ABC123O", Box(10, 5, 20, 10))]),
        measure.scene([Truth("ABC1230", box), Truth("", Box(100, 0, 40, 20))], [plate("X1", Box(100, 0, 40, 20))]),
        measure.scene([], [plate("X1", box)]),
    ]

    score = measure.total(scenes)

    assert (score.scenes, score.boxes, score.plates) == (4, 4, 3)
    assert (score.exact, score.folded, score.missed) == (1, 2, 1)
    assert (score.characters, score.wrong_characters) == (21, 8)
    assert score.found == 2, "the first plate's, and the one that nobody could read"
    assert score.false_reads == 1


def test_what_the_detector_found_counts_whether_or_not_it_was_read() -> None:
    truths = [Truth("ABC1230", Box(0, 0, 40, 20)), Truth("XYZ9870", Box(100, 0, 40, 20))]

    scored = measure.scene(truths, [], [Box(2, 0, 40, 20), Box(130, 0, 40, 20)])

    assert [round(outcome.detected, 2) for outcome in scored.outcomes] == [0.9, 0.14]
    assert (measure.total([scored]).detected, measure.total([scored]).found) == (1, 0)


def test_outcomes_are_split_by_what_is_said_of_each() -> None:
    box = Box(0, 0, 40, 20)
    outcomes = measure.scene([Truth("AB1", box, "us-ny"), Truth("AB2", box, "us-ca"), Truth("AB3", box)], []).outcomes
    parts = measure.split(outcomes, by=lambda outcome: outcome.truth.region)
    assert {name: [outcome.truth.plate for outcome in part] for name, part in parts.items()} == {
        "us-ca": ["AB2"],
        "us-ny": ["AB1"],
    }
    assert list(parts) == ["us-ca", "us-ny"]


def test_misses_begin_with_what_misleads_most() -> None:
    box = Box(0, 0, 40, 20)
    reads = [("ABC1230", 0.9), ("ABC123O", 0.99), ("ABC1238", 0.5), ("ABC1239", 0.8), ("", 0.0)]
    outcomes = [
        measure.scene([Truth("ABC1230", box)], [plate(text, box, sure)] if text else []).outcomes[0]
        for text, sure in reads
    ]
    assert [outcome.text for outcome in measure.misses(outcomes)] == ["ABC1239", "ABC1238", "", "ABC123O"]


def test_folding_takes_o_for_0_and_i_for_1_and_nothing_else() -> None:
    assert measure.fold("OI01QB8") == "0101QB8"


def test_edits_of_known_pairs() -> None:
    assert domain.edits("KITTEN", "SITTING") == 3
    assert domain.edits("", "ABC") == 3
    assert domain.edits("7ABC123", "ABC123") == 1


@given(TEXTS, TEXTS, TEXTS)
def test_edits_are_a_distance(one: str, two: str, three: str) -> None:
    assert (domain.edits(one, two) == 0) == (one == two)
    assert domain.edits(one, two) == domain.edits(two, one)
    assert domain.edits(one, three) <= domain.edits(one, two) + domain.edits(two, three)
    assert abs(len(one) - len(two)) <= domain.edits(one, two) <= max(len(one), len(two))


@given(BOXES, BOXES)
def test_overlap_is_a_share_that_does_not_mind_the_order(one: Box, other: Box) -> None:
    overlap = measure.intersection_over_union(one, other)
    assert 0 <= overlap <= 1
    assert overlap == measure.intersection_over_union(other, one)
    assert (overlap == 1) == (one == other)


@given(st.lists(TRUTHS, max_size=4), st.lists(READS, max_size=5))
def test_every_read_is_one_plate_s_or_false(truths: list[Truth], reads: list[Plate]) -> None:
    scored = measure.scene(truths, reads)
    taken = [outcome.read for outcome in scored.outcomes if outcome.read is not None]
    assert [outcome.truth for outcome in scored.outcomes] == truths
    assert sorted(map(repr, [*taken, *scored.false_reads])) == sorted(map(repr, reads))
    score = measure.total([scored])
    assert score.exact <= score.folded <= score.plates <= score.boxes
    assert score.folded + score.missed <= score.plates or any(not truth.plate for truth in truths)
