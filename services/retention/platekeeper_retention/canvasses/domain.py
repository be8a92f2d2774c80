"""The rules of canvasses: what one needs, when it may be searched, which come first. Source: clause A6."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from platekeeper_common.access import Use
from platekeeper_common.areas import Area
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Invalid, Refused
from platekeeper_common.ids import AgencyId
from platekeeper_common.shared_policy import IncidentsPolicy
from platekeeper_retention.policy import CanvassPolicy

PURPOSE = "crime_scene_canvass"
State = Literal["open", "waiting", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCanvass:
    """What somebody asks to open. Moments are aware UTC, `captured_from` < `captured_to`."""

    incident_number: str
    incident_type: str
    area: Area
    captured_from: datetime
    captured_to: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvass:
    """A canvass: for which incident, where and when, who opened it and who approved it."""

    id: str
    agency_id: AgencyId
    incident_number: str
    incident_type: str
    major: bool
    area: Area
    captured_from: datetime
    captured_to: datetime
    opened_by: str
    """An account."""
    opened_by_name: str
    opened_at: datetime
    closes_at: datetime
    over: tuple[str, ...]
    """What of it is over the policy's bounds, `area` and `window`; then a supervisor approves it first."""
    approved_by: str | None = None
    approved_by_name: str | None = None
    approved_at: datetime | None = None
    closed_at: datetime | None = None

    def state(self, now: datetime) -> State:
        """Whether it may be searched."""
        if self.closed_at is not None or self.closes_at <= now:
            return "closed"
        return "waiting" if self.over and self.approved_at is None else "open"

    @property
    def use(self) -> Use:
        """For what plate data is opened under it."""
        return use_for(self.incident_number)

    def elements(self) -> dict[str, Any]:
        """What the record of it says, as JSON values."""
        return {
            "canvass": self.id,
            "incident_type": self.incident_type,
            "area": self.area.elements(),
            "from": self.captured_from.isoformat(),
            "to": self.captured_to.isoformat(),
        }


def use_for(incident_number: str) -> Use:
    """The use of a canvass: the incident is its matter."""
    return Use(purpose=PURPOSE, matter_type="criminal", matter_number=incident_number, context="canvass")


def demand_new(new: NewCanvass, policy: IncidentsPolicy) -> None:
    """Raise Invalid `incident_required`, `incident_type_unknown` or `window_invalid`."""
    policy.demand_number(new.incident_number, "a canvass belongs to an incident", clause="A6")
    policy.demand_type(new.incident_type, clause="A6")
    if not new.captured_from < new.captured_to:
        raise Invalid("the window must begin before it ends: from < to", code="window_invalid")


def over(new: NewCanvass, policy: CanvassPolicy) -> tuple[str, ...]:
    """What of it needs a supervisor: `area`, `window`, both or nothing."""
    found = []
    if not policy.near(new.area):
        found.append("area")
    if not policy.brief(new.captured_to - new.captured_from):
        found.append("window")
    return tuple(found)


def demand_open(canvass: Canvass, now: datetime) -> None:
    """Raise Conflict `canvass_closed`, or Refused `canvass_not_approved` while it waits for a supervisor."""
    state = canvass.state(now)
    if state == "closed":
        raise Conflict("the canvass is closed; open another", code="canvass_closed", clause="A6")
    if state == "waiting":
        bounds = " and ".join(canvass.over)
        detail = f"its {bounds} is over what policy lets one person canvass; a supervisor must approve it first"
        raise Refused(detail, code="canvass_not_approved", clause="A6")


def demand_approver(canvass: Canvass, by: Caller, now: datetime) -> None:
    """Raise Conflict unless it waits; Refused `own_canvass` for who opened it."""
    if canvass.state(now) != "waiting":
        raise Conflict("the canvass does not wait for approval", code="canvass_not_waiting", clause="A6")
    if canvass.opened_by == by.subject:
        detail = "another supervisor approves a canvass that you opened"
        raise Refused(detail, code="own_canvass", clause="A6")


def ordered(canvasses: Sequence[Canvass], now: datetime) -> list[Canvass]:
    """Those that are not closed: major incidents first, then the newest."""
    standing = [one for one in canvasses if one.state(now) != "closed"]
    return sorted(standing, key=lambda one: (not one.major, -one.opened_at.timestamp()))
