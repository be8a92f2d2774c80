"""Canvasses as JSON."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from platekeeper_common.documents import AreaStated, Shown
from platekeeper_retention import domain
from platekeeper_retention.canvasses.domain import Canvass, NewCanvass, State
from platekeeper_retention.documents import MOST_READS
from platekeeper_retention.domain import CAMERAS_AT_MOST, Query

Line = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]


class CanvassAsked(BaseModel):
    """For which incident, where and when: a canvass needs no plate (A6)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    incident_number: Annotated[str, Field(max_length=64, description="Case or incident number")] = ""
    incident_type: Annotated[str, Field(max_length=64, description="One of the agency's policy")] = ""
    area: AreaStated
    captured_from: AwareDatetime = Field(alias="from", description="Captured at or after this moment")
    captured_to: AwareDatetime = Field(alias="to", description="Captured before this moment")

    def canvass(self) -> NewCanvass:
        """What is asked for. Raises Invalid `area_invalid`."""
        return NewCanvass(
            incident_number=self.incident_number,
            incident_type=self.incident_type,
            area=self.area.area(),
            captured_from=self.captured_from.astimezone(UTC),
            captured_to=self.captured_to.astimezone(UTC),
        )


class CanvassDocument(Shown):
    """A canvass; `over` names what of it needs a supervisor, `state` is open, waiting or closed."""

    id: str
    incident_number: str
    incident_type: str
    major: bool
    area: dict[str, Any]
    captured_from: datetime = Field(serialization_alias="from")
    captured_to: datetime = Field(serialization_alias="to")
    opened_by_name: str
    opened_at: datetime
    closes_at: datetime
    over: list[str]
    approved_by_name: str | None
    approved_at: datetime | None
    state: State

    @classmethod
    def of(cls, canvass: Canvass, now: datetime) -> "CanvassDocument":
        """The document of a canvass as it stands."""
        names = cls.model_fields.keys() - {"area", "state", "over"}
        told = {name: getattr(canvass, name) for name in names}
        return cls(**told, area=canvass.area.elements(), over=list(canvass.over), state=canvass.state(now))


class CanvassesDocument(BaseModel):
    """Those that are not closed: major incidents first, then the newest."""

    canvasses: list[CanvassDocument]


class CanvassSearch(BaseModel):
    """What narrows the search of a canvass; nothing need be given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: Line | None = Field(None, description="Partial plate: `?` is one character, `*` any number (A7)")
    cameras: list[Line] | None = Field(None, min_length=1, max_length=CAMERAS_AT_MOST, description="Only these")
    limit: int = Field(50, ge=1, le=MOST_READS, description="Reads on a page")
    cursor: str | None = Field(None, max_length=1000, description="`next_cursor` of the page before")

    def query(self) -> Query:
        """What is asked for beside area and window. Raises Invalid."""
        return domain.narrowing(pattern=self.pattern, cameras=self.cameras or ())
