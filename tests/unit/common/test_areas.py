"""Circles and polygons."""

import math

import pytest

from platekeeper_common import areas
from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import Position

CITY_HALL = Position(34.0553, -117.7523)
SQUARE = (Position(34.0, -117.8), Position(34.0, -117.7), Position(34.1, -117.7), Position(34.1, -117.8))


def test_distances_are_in_metres() -> None:
    assert areas.distance(Position(34.0, -117.0), Position(35.0, -117.0)) == pytest.approx(111_195, rel=0.001)
    assert areas.distance(CITY_HALL, CITY_HALL) == 0


def test_a_circle_holds_what_lies_within_its_radius() -> None:
    around = areas.circle(CITY_HALL, 300)
    assert around.holds(Position(34.0553 + 299 / 111_195, -117.7523))
    assert not around.holds(Position(34.0553 + 301 / 111_195, -117.7523))


def test_a_polygon_holds_what_lies_inside_and_on_its_border() -> None:
    block = areas.polygon(SQUARE)
    assert block.holds(CITY_HALL)
    assert block.holds(Position(34.0, -117.75))
    assert not block.holds(Position(33.999, -117.75))
    assert areas.polygon((*SQUARE, SQUARE[0])) == block


@pytest.mark.parametrize("radius", [0, -1, 50_001, math.nan, math.inf])
def test_a_circle_of_no_or_too_great_radius_is_refused(radius: float) -> None:
    with pytest.raises(Invalid, match="radius must be") as refused:
        areas.circle(CITY_HALL, radius)
    assert refused.value.code == "area_invalid"


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        (SQUARE[:2], "3 to 100 corners"),
        ((*SQUARE[:3], Position(34.1, -117.8), *SQUARE[1:2]), "cross or touch"),
        ((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]), "cross or touch"),
        ((SQUARE[0], Position(34.05, -117.75), SQUARE[2]), "flat"),
        ((SQUARE[0], SQUARE[1], Position(35.2, -117.7)), "span"),
        ((SQUARE[0], SQUARE[1], Position(91, -117.7)), "latitudes"),
        ((SQUARE[0], SQUARE[1], Position(math.nan, -117.7)), "latitudes"),
    ],
)
def test_what_is_no_polygon_is_refused(corners: tuple[Position, ...], said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        areas.polygon(corners)
    assert refused.value.code == "area_invalid"
