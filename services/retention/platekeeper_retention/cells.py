"""Cells on the ground (H3): where a read lies as one number, and which numbers an area can hold.

All cells within a coarser one are neighbours as numbers, so an area is a few ranges of them. The numbers only propose:
a cell is not exactly the union of those below it, and ranges are as coarse as their bounded count allows.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

import shapely
from h3.api import basic_int as h3

from platekeeper_common import areas
from platekeeper_common.areas import Area, Circle, Polygon
from platekeeper_common.events.ingest import Position

FINEST = 15
"""The resolution of the cells that reads are stored with: about a square metre. Any coarser cell is a range of them."""
CELLS_AT_MOST = 100
"""Of which a cover is made; ranges are fewer, for neighbours are joined."""

_DRIFT = 1.25
"""How much farther from a cell's centre the cells below it reach than its own corners do; 1.05 in a random search."""
_DEGREE = areas.distance(Position(0, 0), Position(1, 0))
"""Metres of a degree of latitude."""
_FLAT_ENOUGH = 0.5
"""Degrees around a polygon in which a plane stands for the sphere."""

Span = tuple[int, int]
"""The first and the last number of a range."""
Reach = Callable[[Position, float], bool]
"""Whether an area comes within so many metres of a position; it may say yes too often, never no."""


def cell(position: Position) -> int:
    """The cell in which the position lies."""
    number: int = h3.latlng_to_cell(position.latitude, position.longitude, FINEST)
    return number


def cover(area: Area) -> list[Span]:
    """Ranges of cells in ascending order that hold every position in the area, and some beside it."""
    reach = _to_circle(area) if isinstance(area, Circle) else _to_polygon(area)
    kept = _reaching(h3.get_res0_cells(), reach)
    for resolution in range(1, FINEST + 1):
        finer = _reaching([child for parent in kept for child in h3.cell_to_children(parent, resolution)], reach)
        if len(finer) > CELLS_AT_MOST:
            break
        kept = finer
    return _joined(sorted(_span(number) for number in kept))


def among(spans: Sequence[Span], number: int | None) -> bool:
    """Whether one of the ranges, in ascending order, holds the cell."""
    if number is None:
        return False
    place = bisect_right(spans, number, key=_first)
    return place > 0 and number <= spans[place - 1][1]


def _reaching(numbers: Sequence[int], reach: Reach) -> list[int]:
    return [number for number in numbers if reach(*_disc(number))]


def _disc(number: int) -> tuple[Position, float]:
    """A centre, and within how many metres of it everything lies that is stored under the cell."""
    centre = Position(*h3.cell_to_latlng(number))
    corners = (Position(*corner) for corner in h3.cell_to_boundary(number))
    return centre, _DRIFT * max(areas.distance(centre, corner) for corner in corners)


def _to_circle(circle: Circle) -> Reach:
    return lambda position, metres: areas.distance(circle.centre, position) <= circle.radius + metres


def _to_polygon(polygon: Polygon) -> Reach:
    """First by the circle around it; near it on a plane whose degrees of longitude are nowhere too long."""
    latitudes = [corner.latitude for corner in polygon.corners]
    longitudes = [corner.longitude for corner in polygon.corners]
    middle = Position((min(latitudes) + max(latitudes)) / 2, (min(longitudes) + max(longitudes)) / 2)
    width = math.cos(math.radians(min(map(abs, latitudes)) if min(latitudes) * max(latitudes) > 0 else 0))
    height, breadth = max(latitudes) - min(latitudes), max(longitudes) - min(longitudes)
    near = _to_circle(Circle(middle, _DEGREE * (height + breadth * width) / 2))
    if (farthest := max(map(abs, latitudes)) + _FLAT_ENOUGH) >= 90:
        return near
    narrow = math.cos(math.radians(farthest))
    plane = shapely.Polygon(
        [((corner.longitude - middle.longitude) * narrow, corner.latitude) for corner in polygon.corners]
    )
    shapely.prepare(plane)

    def reach(position: Position, metres: float) -> bool:
        if not near(position, metres) or metres > _FLAT_ENOUGH * _DEGREE:
            return near(position, metres)
        east = (position.longitude - middle.longitude + 180) % 360 - 180
        return bool(shapely.dwithin(plane, shapely.Point(east * narrow, position.latitude), metres / _DEGREE))

    return reach


def _first(span: Span) -> int:
    return span[0]


def _span(number: int) -> Span:
    """The numbers of the finest cells under it; a digit of three bits stands for each step down."""
    below = 3 * (FINEST - h3.get_resolution(number))
    first: int = h3.cell_to_center_child(number, FINEST)
    return first, first + (1 << below) - 1


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for first, last in spans:
        if joined and first == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined
