"""Parts of requests and answers that several services take and give in the same form."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from platekeeper_common import areas
from platekeeper_common.access import Use
from platekeeper_common.areas import Area
from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import Position


class UseStated(BaseModel):
    """A request's body that says for what plate data is asked (clauses A1, A3, A8); the policy checks it.

    One that names neither purpose nor matter is asked for the matter that the person chose (`PUT /v1/session/matter`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: Annotated[str | None, Field(max_length=64, description="Purpose code of the agency's policy (A1)")] = None
    matter_type: Annotated[
        str | None, Field(max_length=64, description="criminal, civil, administrative, patrol, other (A8)")
    ] = None
    matter_number: Annotated[str | None, Field(max_length=64, description="Case, incident or matter number (A8)")] = (
        None
    )
    requested_by: Annotated[str | None, Field(max_length=120, description="For whom a dispatcher asks (A3)")] = None
    unit: Annotated[str | None, Field(max_length=64, description="Of a patrol; else the session's (A4)")] = None
    shift: Annotated[str | None, Field(max_length=64, description="Of a patrol; else the one on duty (A4)")] = None
    number_pending: Annotated[bool, Field(description="Only with the matter_session that chose it (A8)")] = False
    matter_session: Annotated[str | None, Field(max_length=64, description="For who acts on an approved request")] = (
        None
    )

    def use_for(self, reason: str | None) -> Use:
        """What it is asked for; `reason` in words, which the purpose `other_le` needs."""
        return Use(
            purpose=self.purpose or "",
            matter_type=self.matter_type or "",
            matter_number=self.matter_number,
            reason=reason,
            requested_by=self.requested_by,
            unit=self.unit,
            shift=self.shift,
            number_pending=self.number_pending,
            matter_session=self.matter_session,
        )


class Shown(BaseModel):
    """An answer's body, taken field by field from our own objects."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class PositionDocument(Shown):
    """WGS 84, degrees."""

    latitude: float
    longitude: float


class PositionStated(BaseModel):
    """WGS 84, degrees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]

    def position(self) -> Position:
        """The position."""
        return Position(self.latitude, self.longitude)


class CircleStated(BaseModel):
    """All within `radius` metres of the centre."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    centre: PositionStated
    radius: Annotated[float, Field(gt=0, le=areas.RADIUS_AT_MOST, description="Metres")]


class AreaStated(BaseModel):
    """An area on the ground: a circle, or a polygon by its corners."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    circle: CircleStated | None = None
    polygon: Annotated[list[PositionStated] | None, Field(max_length=areas.CORNERS_AT_MOST + 1)] = None

    def area(self) -> Area:
        """The area. Raises Invalid `area_invalid` unless it is exactly one of the two and can be drawn."""
        if (self.circle is None) == (self.polygon is None):
            raise Invalid("give either circle or polygon", code="area_invalid")
        if self.circle is not None:
            return areas.circle(self.circle.centre.position(), self.circle.radius)
        return areas.polygon([corner.position() for corner in self.polygon or ()])


class CandidateDocument(Shown):
    """What the plate may also be, and how sure the recogniser was (J1)."""

    plate: str
    confidence: float
    votes: int | None = Field(None, description="Frames of the pass that took it for the most likely")


class ModelDocument(Shown):
    """Which recogniser said so (J1); an edge recogniser's checksum may be empty."""

    name: str
    version: str
    checksum: str
