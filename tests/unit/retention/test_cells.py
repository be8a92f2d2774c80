"""The ranges of cells that an area may hold."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from platekeeper_common import areas
from platekeeper_common.areas import Area
from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import Position
from platekeeper_retention import cells

DEGREE = 111_195.0
fractions = st.floats(0, 1)
radii = st.floats(0, math.log10(areas.RADIUS_AT_MOST)).map(lambda exponent: min(10**exponent, areas.RADIUS_AT_MOST))
positions = st.builds(Position, st.floats(-90, 90), st.floats(-180, 180))


def covered(area: Area, position: Position) -> bool:
    return cells.among(cells.cover(area), cells.cell(position))


@given(centre=positions, radius=radii, part=fractions, bearing=st.floats(0, 2 * math.pi))
def test_the_cells_of_a_circle_hold_all_that_it_holds(
    centre: Position, radius: float, part: float, bearing: float
) -> None:
    angle, latitude = math.radians(radius * part / DEGREE), math.radians(centre.latitude)
    sine = math.sin(latitude) * math.cos(angle) + math.cos(latitude) * math.sin(angle) * math.cos(bearing)
    reached = math.asin(max(-1.0, min(1.0, sine)))
    turn = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(latitude),
        math.cos(angle) - math.sin(latitude) * math.sin(reached),
    )
    longitude = (centre.longitude + math.degrees(turn) + 180) % 360 - 180
    inside = Position(math.degrees(reached), longitude)
    circle = areas.circle(centre, radius)
    assume(circle.holds(inside))
    assert covered(circle, inside)


@st.composite
def polygons(draw: st.DrawFn) -> Area:
    """Three or four corners within a degree, or within a street, anywhere."""
    span = draw(st.sampled_from((1.0, 0.1, 0.001)))
    south, west = draw(st.floats(-90, 90 - span)), draw(st.floats(-180, 180 - span))
    corner = st.builds(lambda up, right: Position(south + up * span, west + right * span), fractions, fractions)
    try:
        return areas.polygon(draw(st.lists(corner, min_size=3, max_size=4)))
    except Invalid:
        assume(False)
        raise


@given(area=polygons(), one=fractions, other=fractions)
def test_the_cells_of_a_polygon_hold_all_that_it_holds(area: areas.Polygon, one: float, other: float) -> None:
    first, second, third = area.corners[:3]
    side = _between(first, second, one)
    for inside in (first, side, _between(side, third, other)):
        if area.holds(inside):
            assert covered(area, inside)


def _between(one: Position, other: Position, part: float) -> Position:
    return Position(
        one.latitude + part * (other.latitude - one.latitude), one.longitude + part * (other.longitude - one.longitude)
    )


@pytest.mark.parametrize("radius", [1, 300, 20_000, 50_000])
def test_a_cover_is_a_bounded_number_of_ranges_and_not_much_larger_than_the_area(radius: float) -> None:
    spans = cells.cover(areas.circle(Position(34.05, -117.75), radius))
    assert len(spans) <= cells.CELLS_AT_MOST
    assert spans == sorted(spans)
    assert all(first <= last for first, last in spans)
    three_radii_off = Position(34.05 + 3 * max(radius, 5) / DEGREE, -117.75)
    assert not cells.among(spans, cells.cell(three_radii_off))


def test_nothing_lies_among_no_cells() -> None:
    assert not cells.among([], 1)
    assert not cells.among([(1, 2)], None)
    assert [cells.among([(2, 3), (6, 6)], number) for number in range(1, 8)] == [0, 1, 1, 0, 0, 1, 0]
