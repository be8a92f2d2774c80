"""Sections of a policy profile that several services enforce, each in the same way."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, field_validator, model_validator

from platekeeper_common import wording
from platekeeper_common.access import Use
from platekeeper_common.actions import Action
from platekeeper_common.errors import Invalid, Refused
from platekeeper_common.periods import Duration
from platekeeper_common.policy import Code, PolicySection, Profile, Several
from platekeeper_common.rules import RULES

OTHER = "other_le"
"""The purpose that the list does not name: law enforcement all the same, and said in words (A1)."""
PATROL = "patrol"
"""The matter type that names unit and shift instead of a number (A4)."""


def _as_time(value: object) -> object:
    return time.fromisoformat(value) if isinstance(value, str) else value


LocalTime = Annotated[time, BeforeValidator(_as_time)]
"""A time of day, written 06:00."""


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
    administrative_role: Code
    """The one role that may use plate data for administrative matters (A8)."""
    on_request_roles: Several[Code]
    """Those who search for somebody else, whom their searches name (A3)."""
    on_request_own_matters: Several[Code]
    """The matter types for which they search on their own, under the number of an incident (A3)."""
    purposes_of: Mapping[Code, Several[Code]]
    """By role, what it may use plate data for; a role that is not named may for nothing (A2)."""
    never_for: Mapping[str, Several[Code]]
    """By action, purposes that no role does it for (A2)."""
    shifts: Mapping[Code, LocalTime]
    """When each shift begins, in the agency's time; a shift lasts until the next begins (A4)."""

    @field_validator("purposes")
    @classmethod
    def _no_forbidden_purpose(cls, purposes: tuple[str, ...]) -> tuple[str, ...]:
        for purpose in purposes:
            try:
                wording.refuse_prohibited(purpose, ())
            except Refused as refusal:
                raise ValueError(f"{purpose} can be no purpose of any department (clauses A4, J4)") from refusal
        return purposes

    @model_validator(mode="after")
    def _numbered_types_are_types(self) -> "UsePolicy":
        if unknown := set(self.numbered_matter_types) - set(self.matter_types):
            raise ValueError(f"numbered_matter_types holds what matter_types lacks: {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _named_purposes_are_listed(self) -> "UsePolicy":
        named = {purpose for table in (self.purposes_of, self.never_for) for some in table.values() for purpose in some}
        if unknown := named - set(self.purposes):
            raise ValueError(f"purposes lacks what roles or actions name: {', '.join(sorted(unknown))}")
        if unknown := set(self.never_for) - {action for action in Action if RULES[action].plate_data}:
            raise ValueError(f"never_for names what opens no plate data: {', '.join(sorted(unknown))}")
        return self

    def demand(self, use: Use) -> None:
        """Return when plate data may be opened for this use; raise Invalid with what it lacks (A1, A4, A8).

        Raises Refused `purpose_prohibited` (A4) or `immigration_refused` (J4) for what no department may do.
        """
        self.demand_listed(use)
        self.demand_matter(use.matter_type, use.matter_number, pending=use.number_pending)
        if use.matter_type != PATROL and use.purpose != OTHER and not use.number_pending and not use.matter_number:
            detail = f"a matter of type {use.matter_type} names its incident by number"
            raise Invalid(detail, code="matter_number_required", clause="A4")

    def demand_listed(self, use: Use) -> None:
        """As `demand`, for what needs a purpose but no matter."""
        wording.refuse_prohibited(use.purpose, (use.reason, use.matter_number, use.requested_by, use.unit, use.shift))
        self.demand_reason(self.demand_purpose(use.purpose), use.reason)

    def demand_no_words(self, use: Use) -> None:
        """Raise Invalid `reason_not_asked` for free text beside a purpose that says it all (A1)."""
        if use.reason and use.purpose != OTHER:
            raise Invalid(
                f"a reason in words belongs to the purpose {OTHER} alone; leave it out",
                code="reason_not_asked",
                clause="A1",
            )

    def demand_requested_by(self, roles: Collection[str], use: Use, *own: str) -> None:
        """Raise Invalid `requested_by_required` when those roles search for somebody, who is not named (A3).

        `own`: the names of the person who searches, who is not somebody else.
        """
        if set(roles) - set(self.on_request_roles) or wording.names_somebody(use.requested_by, *own):
            return
        if not use.requested_by and use.matter_type in self.on_request_own_matters and use.matter_number:
            return
        types = " or ".join(self.on_request_own_matters)
        raise Invalid(
            "say for whom you search: requested_by, who is somebody else; on your own you search for a matter of type"
            f" {types} with its number",
            code="requested_by_required",
            clause="A3",
        )

    def shift_at(self, moment: datetime) -> str:
        """The shift on duty at that local moment."""
        begun = {begins: name for name, begins in self.shifts.items()}
        now = moment.timetz().replace(tzinfo=None)
        return begun[max((begins for begins in begun if begins <= now), default=max(begun))]

    def demand_purpose(self, purpose: str | None) -> str:
        """The purpose, when it is on the list. Raises Invalid `purpose_required` (A1)."""
        if purpose not in self.purposes:
            raise Invalid(
                f"state a purpose or choose it once with PUT /v1/session/matter: one of {', '.join(self.purposes)}",
                code="purpose_required",
                clause="A1",
            )
        return purpose

    def demand_reason(self, purpose: str, reason: str | None) -> None:
        """Raises Invalid `reason_required` or `reason_vague` when the purpose is `other_le` and no words say which."""
        if purpose != OTHER:
            return
        if not (reason and reason.strip()):
            raise Invalid(f"the purpose {OTHER} needs a reason in words", code="reason_required", clause="A1")
        wording.demand_telling(reason)

    def demand_matter(self, matter_type: str | None, number: str | None, *, pending: bool = False) -> None:
        """Raises Invalid `matter_required`, `matter_number_required` or `matter_number_made_up` (A8).

        `pending`: the number is not known yet and owed within a day.
        """
        if matter_type not in self.matter_types:
            types = ", ".join(self.matter_types)
            raise Invalid(f"the matter's type must be one of {types}", code="matter_required", clause="A8")
        numbered = self.case_number_required or matter_type in self.numbered_matter_types
        if number and number.strip():
            wording.demand_real_number(number)
        elif numbered and not pending:
            raise Invalid(
                f"a {matter_type} matter needs its number; when it is not known yet choose the matter with"
                " number_pending (PUT /v1/session/matter)",
                code="matter_number_required",
                clause="A8",
            )


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
        try:
            wording.demand_real_number(number)
        except Invalid as made_up:
            raise Invalid(f"{why}: give its number", code="incident_required", clause=clause) from made_up

    def demand_type(self, given: str, *, clause: str) -> None:
        """Raise Invalid `incident_type_unknown`."""
        if given not in self.types:
            types = ", ".join(self.types)
            raise Invalid(f"the incident's type must be one of {types}", code="incident_type_unknown", clause=clause)


class AuditPolicy(PolicySection):
    """[audit]: what every service that shows plate data does about its access records (clauses B8, G3)."""

    audit_lag_limit: Duration
    """No plate data while the oldest access record that the ledger lacks, or the last checkpoint, is older."""


class CopiesPolicy(PolicySection):
    """[copies]: how long plate data may lie where it only passes through (clause F1)."""

    bus: Duration
    """Events on the bus, and what dead letters say of them; the last word of each key and access records stay."""
    backups: Duration
    """Backups, which hold what a purge has deleted since."""


def longest_on_bus(profiles: Iterable[Profile]) -> timedelta:
    """How long the bus, which carries every agency's reads, may keep an event: what the strictest profile allows."""
    return min((profile.section(CopiesPolicy).bus for profile in profiles), default=timedelta.max)


def longest_in_backups(profiles: Iterable[Profile]) -> timedelta:
    """How long a backup, which holds every agency's data, may be kept: what the strictest profile allows."""
    return min((profile.section(CopiesPolicy).backups for profile in profiles), default=timedelta.max)


SECTIONS: Mapping[str, type[PolicySection]] = {
    "use": UsePolicy,
    "incidents": IncidentsPolicy,
    "audit": AuditPolicy,
    "copies": CopiesPolicy,
}
