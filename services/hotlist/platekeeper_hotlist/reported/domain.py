"""The rules of reported partial plates. Source: clause A7."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platekeeper_common import patterns
from platekeeper_common.errors import Conflict, Invalid
from platekeeper_common.ids import AgencyId
from platekeeper_common.shared_policy import IncidentsPolicy
from platekeeper_common.wording import refuse_prohibited

State = Literal["due", "optional", "entered", "not_entered"]
SHORTEST_REASON = 10
"""Characters: why a partial plate is not entered must be said, not waved at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A partial plate of an incident."""

    id: str
    agency_id: AgencyId
    incident: str
    incident_type: str
    major: bool
    pattern: str
    """As `patterns.parse` writes it."""
    reported_by: str
    reported_at: datetime
    reason: str | None = None
    """Why it is not entered."""
    settled_by: str | None = None
    settled_at: datetime | None = None
    entry_id: str | None = None
    """Of the same plate and incident, on whichever of the agency's lists it was first entered."""

    @property
    def state(self) -> State:
        """`due`: of a major incident, and neither entered nor explained."""
        if self.entry_id is not None:
            return "entered"
        if self.settled_at is not None:
            return "not_entered"
        return "due" if self.major else "optional"

    @property
    def prompt(self) -> str | None:
        """What somebody should do about it; None when nothing is due."""
        if self.state != "due":
            return None
        return f"enter this partial plate of {self.incident} on a hot list, or say why it is not entered"


def partial(text: str) -> str:
    """The pattern. Raises Invalid `pattern_invalid`, or `pattern_complete` for a plate of which nothing is unknown."""
    written = patterns.parse(text, "the partial plate").text
    if not patterns.is_pattern(written):
        detail = "nothing of this plate is unknown; put it on a hot list"
        raise Invalid(detail, code="pattern_complete", clause="A7")
    return written


def demand_incident(incident: str, incident_type: str, policy: IncidentsPolicy) -> None:
    """Raise Invalid `incident_required` or `incident_type_unknown`."""
    refuse_prohibited(None, (incident,))
    policy.demand_number(incident, "a partial plate belongs to an incident", clause="A7")
    policy.demand_type(incident_type, clause="A7")


def demand_not_entered(reported: Reported, reason: str) -> None:
    """Raise Conflict `partial_entered` or `partial_settled`, Invalid `reason_required` (A7)."""
    refuse_prohibited(None, (reason,))
    if reported.state == "entered":
        raise Conflict("it is entered on a hot list", code="partial_entered", entry_id=reported.entry_id)
    if reported.state == "not_entered":
        raise Conflict("why it is not entered has been said", code="partial_settled")
    if len(reason.strip()) < SHORTEST_REASON:
        detail = f"say in at least {SHORTEST_REASON} characters why this partial plate is not entered"
        raise Invalid(detail, code="reason_required", clause="A7")
