"""The most probable texts, against trying every one."""

from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from platekeeper_recognition.engines import texts

ALPHABET = "ABC"
logits = arrays.arrays(np.float64, (4, len(ALPHABET) + 1), elements=st.floats(-8, 8))


def every(places: NDArray[np.float64]) -> dict[str, float]:
    """Each text with its probability, by trying all."""
    found = {}
    for length in range(len(places) + 1):
        for text in product(range(len(ALPHABET)), repeat=length):
            probability = float(np.prod([places[place, character] for place, character in enumerate(text)]))
            if length < len(places):
                probability *= float(places[length, -1])
            found["".join(ALPHABET[character] for character in text)] = probability
    return found


@given(logits)
@settings(max_examples=60)
def test_all_texts_come_once_in_falling_order_with_their_probability(raw: NDArray[np.float64]) -> None:
    places = texts.softmax(raw, 1.0)
    found = list(texts.best_first(places, ALPHABET))
    tried = every(places)

    assert {text for text, _ in found} == set(tried)
    assert len(found) == len(tried)
    assert [probability for _, probability in found] == pytest.approx(sorted(tried.values(), reverse=True))
    assert all(probability == pytest.approx(tried[text]) for text, probability in found)
    assert sum(tried.values()) == pytest.approx(1)


def test_what_is_impossible_does_not_come_and_the_first_ten_of_many_come_at_once() -> None:
    sure = np.zeros((2, 4))
    sure[0, 1] = sure[1, 3] = 1.0
    assert list(texts.best_first(sure, ALPHABET)) == [("B", 1.0)]

    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    places = texts.softmax(np.random.default_rng(1).normal(size=(10, 37)), 1.0)
    best = list(islice(texts.best_first(places, alphabet), 10))
    assert len({text for text, _ in best}) == 10


def test_temperature_makes_less_sure_and_changes_no_order() -> None:
    cold = texts.softmax(np.array([[3.0, 1.0, 0.0]]), 1.0)
    warm = texts.softmax(np.array([[3.0, 1.0, 0.0]]), 2.0)

    assert cold[0, 0] > warm[0, 0] > warm[0, 1] > warm[0, 2] > cold[0, 2]
    assert warm.sum() == pytest.approx(1)


POINTS = [(0.2, 0.1), (0.6, 0.5), (0.9, 0.97)]


@pytest.mark.parametrize(
    ("raw", "is_right"), [(0.2, 0.1), (0.4, 0.3), (0.1, 0.05), (0.9, 0.97), (1.0, 0.97), (0.0, 0.0)]
)
def test_confidence_lies_on_the_measured_line(raw: float, is_right: float) -> None:
    assert texts.calibrated([raw], POINTS) == pytest.approx([is_right])


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=10).map(lambda shares: sorted(shares, reverse=True)),
    st.lists(st.floats(0, 1), min_size=2, max_size=5).map(sorted),
)
def test_confidences_of_a_crop_fall_and_make_one_at_most(shares: list[float], measured: list[float]) -> None:
    raw = [share / max(sum(shares), 1) for share in shares]
    points = list(zip(np.linspace(0.05, 0.95, len(measured)).tolist(), measured, strict=True))
    found = texts.calibrated(raw, points)

    assert found == sorted(found, reverse=True)
    assert sum(found) <= 1 + 1e-9
