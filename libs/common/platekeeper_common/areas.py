"""Areas on the ground: what lies within a circle or a polygon. WGS 84, degrees and metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import h3

from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import Position

if TYPE_CHECKING:
    import shapely

RADIUS_AT_MOST = 50_000.0
"""Metres."""
CORNERS_AT_MOST = 100
SPAN_AT_MOST = 1.0
"""Degrees of latitude and of longitude that a polygon may cover: some 110 by 90 km in California."""

METRES_A_DEGREE = 111_195.0
"""Of a great circle on a sphere of the Earth's mean radius."""

_FLAT = 1e-10
"""Square degrees, about a square metre: less is a line."""


@dataclass(frozen=True)
class Circle:
    """All within so many metres of a point, its border too; distances as on a sphere. Made by `circle`."""

    centre: Position
    radius: float

    def holds(self, position: Position) -> bool:
        """Whether the position lies in it."""
        return distance(self.centre, position) <= self.radius

    def elements(self) -> dict[str, Any]:
        """It as JSON values."""
        return {"circle": {"centre": _written(self.centre), "radius": self.radius}}

    @property
    def square_metres(self) -> float:
        """How large it is."""
        return math.pi * self.radius**2


@dataclass(frozen=True)
class Polygon:
    """All within straight lines between corners, drawn as on a map of degrees, its border too. Made by `polygon`."""

    corners: tuple[Position, ...]

    def holds(self, position: Position) -> bool:
        """Whether the position lies in it."""
        import shapely

        return bool(shapely.intersects_xy(self._shape, position.longitude, position.latitude))

    def elements(self) -> dict[str, Any]:
        """It as JSON values."""
        return {"polygon": [_written(corner) for corner in self.corners]}

    @property
    def square_metres(self) -> float:
        """How large it is, on a plane that touches the Earth in its middle: within 1 % at the spans allowed."""
        latitude = math.radians(self._shape.centroid.y)
        return float(self._shape.area) * METRES_A_DEGREE**2 * math.cos(latitude)

    @cached_property
    def _shape(self) -> shapely.Polygon:
        return shape(self.corners)


Area = Circle | Polygon


def circle(centre: Position, radius: float) -> Circle:
    """A circle of `radius` metres. Raises Invalid `area_invalid`."""
    _demand_on_earth(centre)
    if not 0 < radius <= RADIUS_AT_MOST:
        raise Invalid(f"the radius must be over 0 and up to {RADIUS_AT_MOST:.0f} metres", code="area_invalid")
    return Circle(centre, radius)


def polygon(corners: Sequence[Position]) -> Polygon:
    """A polygon; its last corner may repeat the first. Raises Invalid `area_invalid`."""
    for corner in corners:
        _demand_on_earth(corner)
    ring = tuple(corners[:-1] if len(corners) > 1 and corners[0] == corners[-1] else corners)
    if not 3 <= len(ring) <= CORNERS_AT_MOST:
        raise Invalid(f"a polygon has 3 to {CORNERS_AT_MOST} corners", code="area_invalid")
    for degrees in ([corner.latitude for corner in ring], [corner.longitude for corner in ring]):
        if max(degrees) - min(degrees) > SPAN_AT_MOST:
            raise Invalid(f"a polygon may span up to {SPAN_AT_MOST:g} degree each way", code="area_invalid")
    if not (drawn := shape(ring)).is_valid or drawn.area < _FLAT:
        raise Invalid("the sides of the polygon cross or touch, or it is flat", code="area_invalid")
    return Polygon(ring)


def shape(corners: Sequence[Position]) -> shapely.Polygon:
    """The corners as a shape; x is the longitude."""
    import shapely  # 30 MB with numpy, for the processes that are asked of a polygon

    return shapely.Polygon([(corner.longitude, corner.latitude) for corner in corners])


def distance(one: Position, other: Position) -> float:
    """Metres between two positions on a sphere of the Earth's mean radius; within 0.6 % of the ellipsoid's."""
    return float(h3.great_circle_distance((one.latitude, one.longitude), (other.latitude, other.longitude), unit="m"))


def _demand_on_earth(position: Position) -> None:
    latitude, longitude = position.latitude, position.longitude
    if not (math.isfinite(latitude) and abs(latitude) <= 90 and math.isfinite(longitude) and abs(longitude) <= 180):
        raise Invalid("latitudes lie from -90 to 90 degrees, longitudes from -180 to 180", code="area_invalid")


def _written(position: Position) -> dict[str, float]:
    return {"latitude": position.latitude, "longitude": position.longitude}
