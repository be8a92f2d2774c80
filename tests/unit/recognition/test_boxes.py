"""From a picture to what a detector takes, and from its raw boxes back to places in the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_recognition.engines import boxes
from platekeeper_recognition.engines.boxes import GREY
from platekeeper_recognition.engines.protocol import Spot

sides = st.integers(1, 400)


@given(sides, sides)
def test_a_picture_keeps_its_proportions_between_grey_bars(width: int, height: int) -> None:
    fitted, fit = boxes.letterbox(np.full((height, width, 3), 200, dtype=np.uint8), 320)

    high, wide = fitted.shape[:2]
    shown = np.argwhere(fitted[:, :, 0] == 200)
    (top, left), (bottom, right) = shown.min(axis=0), shown.max(axis=0) + 1
    assert (wide % 32, high % 32) == (0, 0)
    assert max(right - left, bottom - top) == 320
    assert (left, top) == (fit.left, fit.top)
    assert right - left == pytest.approx(width * fit.scale, abs=1)
    assert bottom - top == pytest.approx(height * fit.scale, abs=1)
    assert (fitted == 200).sum() + (fitted == GREY).sum() == fitted.size
    assert max(top, high - bottom, left, wide - right) <= 16


def test_boxes_come_back_to_the_picture_s_places_surest_first() -> None:
    _, fit = boxes.letterbox(np.zeros((360, 640, 3), dtype=np.uint8), 320)
    # 320 x 180 pixels, 6 grey ones above.
    raw = np.array(
        [[100, 300, 160, 10], [56, 150, 96, 96], [40, 60, 20, 8], [20, 30, 10, 4], [0.7, 0.9, 0.1, 0.6]],
        dtype=np.float32,
    )

    first, second, third = boxes.spots(raw, fit, 0.25)

    assert (first.left, first.top, first.right, first.bottom) == pytest.approx((540, 258, 640, 318))
    assert first.confidence == pytest.approx(0.9)
    assert (second.left, second.top, second.right, second.bottom) == pytest.approx((160, 80, 240, 120))
    assert (third.left, third.right) == pytest.approx((12, 28))


def test_of_boxes_on_one_plate_the_surest_stays_and_neighbours_stay_apart() -> None:
    corners = np.array([[0, 0, 100, 50], [8, 4, 104, 52], [104, 0, 204, 50], [3, 3, 3, 40]], dtype=np.float64)

    assert boxes.suppress(corners, np.array([0.8, 0.9, 0.3, 1.0])) == [1, 2]
    assert boxes.suppress(np.zeros((0, 4)), np.zeros(0)) == []


@given(
    st.lists(st.tuples(sides, sides, st.integers(1, 80), st.integers(1, 40), st.floats(0.01, 1)), max_size=15),
)
def test_no_two_that_stay_overlap_much_and_each_that_goes_overlaps_a_surer_one(
    drawn: list[tuple[int, int, int, int, float]],
) -> None:
    corners = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in drawn], dtype=np.float64).reshape(-1, 4)
    scores = np.array([score for *_, score in drawn])
    kept = boxes.suppress(corners, scores)

    def overlap(one: int, other: int) -> float:
        low, high = np.maximum(corners[one], corners[other])[:2], np.minimum(corners[one], corners[other])[2:]
        shared = float(np.prod((high - low).clip(0)))
        both = sum(float(np.prod(corners[each, 2:] - corners[each, :2])) for each in (one, other))
        return shared / (both - shared)

    assert all(overlap(one, other) <= 0.45 for one in kept for other in kept if one != other)
    for gone in set(range(len(drawn))) - set(kept):
        assert any(overlap(gone, one) > 0.45 and scores[one] >= scores[gone] for one in kept)


def test_a_picture_without_plates_has_no_spots() -> None:
    _, fit = boxes.letterbox(np.zeros((64, 64, 3), dtype=np.uint8), 320)

    nothing: list[Spot] = boxes.spots(np.zeros((5, 100), dtype=np.float32), fit, 0.25)
    assert nothing == []
