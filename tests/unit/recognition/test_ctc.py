"""Readings out of raw recogniser output."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from platekeeper_recognition.engines import ctc

COLUMNS = 1 + len(ctc.SYMBOLS)


def output(*steps: dict[str, float]) -> NDArray[np.float32]:
    """A recogniser's output: for each step the probability of symbols; what is left goes to the blank."""
    rows = np.zeros((len(steps), COLUMNS), dtype=np.float32)
    for row, step in zip(rows, steps, strict=True):
        for symbol, probability in step.items():
            row[1 + ctc.SYMBOLS.index(symbol)] = probability
        row[0] = 1 - sum(step.values())
    return rows


def texts(found: NDArray[np.float32]) -> dict[str, float]:
    return {reading.text: reading.confidence for reading in ctc.readings(found)}


def test_a_symbol_held_over_several_steps_is_one_and_a_blank_between_makes_two() -> None:
    held = output({"7": 1}, {"7": 1}, {"A": 1})
    parted = output({"7": 1}, {}, {"7": 1})

    assert texts(held) == {"7A": pytest.approx(1.0)}
    assert texts(parted) == {"77": pytest.approx(1.0)}


def test_alternatives_carry_the_probability_that_the_network_gave_them() -> None:
    found = texts(output({"7": 1}, {}, {"0": 0.7, "O": 0.3}, {}, {"B": 0.9, "8": 0.1}))

    assert found == {
        "70B": pytest.approx(0.63, abs=1e-6),
        "7OB": pytest.approx(0.27, abs=1e-6),
        "708": pytest.approx(0.07, abs=1e-6),
        "7O8": pytest.approx(0.03, abs=1e-6),
    }


def test_every_alignment_of_a_text_counts() -> None:
    """Half blank, half A, twice: AA is impossible without a blank between, A has three alignments."""
    assert texts(output({"A": 0.5}, {"A": 0.5})) == {"A": pytest.approx(0.75)}


def test_a_line_without_text_has_no_reading() -> None:
    assert ctc.readings(output({}, {}, {})) == []


@given(
    st.lists(
        st.dictionaries(st.sampled_from("0O7AB8 -"), st.floats(0.01, 0.2), min_size=1, max_size=5),
        min_size=1,
        max_size=12,
    )
)
def test_confidences_are_probabilities_in_falling_order(steps: list[dict[str, float]]) -> None:
    found = [reading.confidence for reading in ctc.readings(output(*steps))]

    assert found == sorted(found, reverse=True)
    assert all(0 <= confidence <= 1 for confidence in found)
    assert sum(found) <= 1 + 1e-5


@given(
    st.lists(
        st.dictionaries(st.sampled_from("07A"), st.floats(0.05, 0.3), min_size=1, max_size=3), min_size=4, max_size=8
    )
)
def test_the_likelihood_of_a_text_is_that_of_its_readings(steps: list[dict[str, float]]) -> None:
    found = texts(output(*steps))
    likely = ctc.log_likelihoods(output(*steps), list(found))

    for likelihood, confidence in zip(np.exp(likely), found.values(), strict=True):
        assert likelihood >= confidence * 0.9  # beams are a lower bound
    assert np.exp(likely).sum() <= 1


def test_signs_are_no_part_of_a_text_and_a_text_longer_than_the_steps_is_nearly_impossible() -> None:
    dashed = output({"5": 1}, {"-": 1}, {"5": 0.5, "6": 0.5}, {})
    five, six, one, long = np.exp(ctc.log_likelihoods(dashed, ["55", "56", "5", "56789"]))

    assert five == pytest.approx(0.5, abs=0.01)
    assert six == pytest.approx(0.5, abs=0.01)
    assert 0 < one < 0.01
    assert long < 1e-9
