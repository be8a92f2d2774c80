"""Whether confidences mean what they say, on reads made by hand."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_recognition import reliability
from platekeeper_recognition.reliability import Judged

READS = st.lists(st.builds(Judged, st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_the_error_is_the_weighted_mean_of_the_bins_differences() -> None:
    reads = [Judged(0.95, True)] * 3 + [Judged(0.95, False)] + [Judged(0.35, True)]

    unsure, sure = reliability.equal_width(reads)

    assert (unsure.reads, unsure.confidence, unsure.right) == (1, 0.35, 1.0)
    assert (sure.reads, round(sure.confidence, 9), sure.right) == (4, 0.95, 0.75)
    assert reliability.expected_error([unsure, sure]) == pytest.approx((4 * 0.2 + 0.65) / 5)


def test_bins_of_equal_mass_follow_the_reads() -> None:
    reads = [Judged(0.9 + place / 1000, place % 10 != 0) for place in range(100)]
    bins = reliability.equal_mass(reads)
    assert [each.reads for each in bins] == [10] * 10
    assert [each.right for each in bins] == pytest.approx([0.9] * 10)
    assert [each.reads for each in reliability.equal_mass(reads[:3])] == [1, 1, 1]


def test_a_full_confidence_lies_in_the_last_bin_and_strays_by_nothing() -> None:
    (only,) = reliability.equal_width([Judged(1.0, True)])
    assert (only.confidence, only.right, only.deviation) == (1.0, 1.0, 0.0)


def test_what_chance_alone_makes_is_what_honest_readers_are_measured_at() -> None:
    dice = random.Random(7)
    errors, foretold = [], []
    for _ in range(200):
        sure = [dice.random() for _ in range(120)]
        bins = reliability.equal_width([Judged(confidence, dice.random() < confidence) for confidence in sure])
        errors.append(reliability.expected_error(bins))
        foretold.append(reliability.error_by_chance(bins))
    assert sum(errors) / 200 == pytest.approx(sum(foretold) / 200, rel=0.1)


@given(READS)
def test_no_read_is_lost_and_errors_are_shares(reads: list[Judged]) -> None:
    for bins in (reliability.equal_width(reads), reliability.equal_mass(reads)):
        assert sum(each.reads for each in bins) == len(reads)
        assert sum(each.reads * each.right for each in bins) == pytest.approx(sum(read.right for read in reads))
        assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)
        assert 0 <= reliability.expected_error(bins) <= 1
