"""Sections of a policy profile that several services enforce, each in the same way."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal

from pydantic import field_validator, model_validator

from platekeeper_common.access import Use
from platekeeper_common.errors import Invalid
from platekeeper_common.immigration import refuse_immigration
from platekeeper_common.periods import Duration
from platekeeper_common.policy import Code, PolicySection, Profile, Several

OTHER = "other_le"
"""The purpose that the list does not name: law enforcement all the same, and said in words (A1)."""
_NO_INCIDENT = frozenset({"", "0", "00", "000", "0000", "none", "na", "n/a", "test", "unknown", "x", "xxx", "-"})
_FORBIDDEN = ("immigra", "deport", "personal")


class UsePolicy(PolicySection):
    """[use]: what plate data may be used for (clauses A1, A2, A4, A5, A8)."""

    purposes: Several[Code]
    """The closed list of purpose codes; each search, hot list entry, export and release carries one (A1)."""
    matter_types: Several[Code]
    """What a use may belong to (A8)."""
    numbered_matter_types: Several[Code]
    """Those of `matter_types` that need a number (A8)."""
    case_number_required: bool
    """Whether every matter needs a number; no law asks for it yet."""
    require_suspicion: Literal[False]
    """Clause A5 asks for none, and no search carries one: a profile that demands it is refused."""

    @field_validator("purposes")
    @classmethod
    def _no_forbidden_purpose(cls, purposes: tuple[str, ...]) -> tuple[str, ...]:
        for purpose in purposes:
            if any(word in purpose for word in _FORBIDDEN):
                raise ValueError(f"{purpose} can be no purpose of any department (clauses A4, J4)")
        return purposes

    @model_validator(mode="after")
    def _numbered_types_are_types(self) -> "UsePolicy":
        if unknown := set(self.numbered_matter_types) - set(self.matter_types):
            raise ValueError(f"numbered_matter_types holds what matter_types lacks: {', '.join(sorted(unknown))}")
        return self

    def demand(self, use: Use) -> None:
        """Return when plate data may be opened for this use; raise Invalid with what it lacks (A1, A8).

        Raises Refused `immigration_refused` when a text of it speaks of immigration enforcement (J4).
        """
        refuse_immigration(use.reason, use.matter_number, use.requested_by)
        self.demand_reason(self.demand_purpose(use.purpose), use.reason)
        self.demand_matter(use.matter_type, use.matter_number)

    def demand_purpose(self, purpose: str | None) -> str:
        """The purpose, when it is on the list. Raises Invalid `purpose_required` (A1)."""
        if purpose not in self.purposes:
            raise Invalid(
                f"the purpose must be one of {', '.join(self.purposes)}", code="purpose_required", clause="A1"
            )
        return purpose

    def demand_reason(self, purpose: str, reason: str | None) -> None:
        """Raises Invalid `reason_required` when the purpose is `other_le` and no words say which (A1)."""
        if purpose == OTHER and not (reason and reason.strip()):
            raise Invalid(f"the purpose {OTHER} needs a reason in words", code="reason_required", clause="A1")

    def demand_matter(self, matter_type: str | None, number: str | None) -> None:
        """Raises Invalid `matter_required` or `matter_number_required` when stored data may not be searched so (A8)."""
        if matter_type not in self.matter_types:
            types = ", ".join(self.matter_types)
            raise Invalid(f"the matter's type must be one of {types}", code="matter_required", clause="A8")
        numbered = self.case_number_required or matter_type in self.numbered_matter_types
        if numbered and not (number and number.strip()):
            raise Invalid(f"a {matter_type} matter needs its number", code="matter_number_required", clause="A8")


class IncidentsPolicy(PolicySection):
    """[incidents]: the kinds of incidents that plate data is used for, and those that come first (clauses A6, A7)."""

    types: Several[Code]
    """What a canvass or a partial plate may belong to."""
    major_types: Several[Code]
    """Those of `types` that the manual asks to consider before others, and whose partial plates should be entered."""

    @model_validator(mode="after")
    def _major_types_are_types(self) -> "IncidentsPolicy":
        if unknown := set(self.major_types) - set(self.types):
            raise ValueError(f"major_types holds what types lacks: {', '.join(sorted(unknown))}")
        return self

    def demand_number(self, number: str, why: str, *, clause: str) -> None:
        """Raise Invalid `incident_required` for a number that is none."""
        if number.strip().casefold() in _NO_INCIDENT:
            raise Invalid(f"{why}: give its number", code="incident_required", clause=clause)

    def demand_type(self, given: str, *, clause: str) -> None:
        """Raise Invalid `incident_type_unknown`."""
        if given not in self.types:
            types = ", ".join(self.types)
            raise Invalid(f"the incident's type must be one of {types}", code="incident_type_unknown", clause=clause)


class AuditPolicy(PolicySection):
    """[audit]: what every service that shows plate data does about its access records (clauses B8, G3)."""

    audit_lag_limit: Duration
    """No plate data while the oldest unsent access record, or the last checkpoint, is older."""


class CopiesPolicy(PolicySection):
    """[copies]: how long plate data may lie where it only passes through (clause F1)."""

    bus: Duration
    """Events on the bus; those that are only the last word of their key stay."""


def longest_on_bus(profiles: Iterable[Profile]) -> timedelta:
    """How long the bus, which carries every agency's reads, may keep an event: what the strictest profile allows."""
    return min((profile.section(CopiesPolicy).bus for profile in profiles), default=timedelta.max)


SECTIONS: Mapping[str, type[PolicySection]] = {
    "use": UsePolicy,
    "incidents": IncidentsPolicy,
    "audit": AuditPolicy,
    "copies": CopiesPolicy,
}
