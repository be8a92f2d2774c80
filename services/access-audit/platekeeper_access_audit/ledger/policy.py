"""The ledger's sections of a policy profile: [ledger], [audits], [breaches], and the shared [audit]."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, StringConstraints

from platekeeper_common.periods import Duration, Period
from platekeeper_common.policy import PolicySection, Several, Title, none_when
from platekeeper_common.shared_policy import AuditPolicy, UsePolicy


class LedgerPolicy(PolicySection):
    """How long access records are kept, how often they are audited, what a breach follows (clauses G3 to G5)."""

    access_years: Annotated[int, Field(ge=1, le=100)]
    """G3: calendar years that an access record is kept."""
    audit_cadence: Literal["monthly", "quarterly", "half-yearly", "yearly"]
    """G4: how often the system is audited."""
    breach_policy: Annotated[Title | None, none_when("none")]
    """G5: what a security or data breach is handled under; None where the manual is silent."""

    @property
    def access_kept(self) -> Period:
        """`access_years` as a period."""
        return Period(self.access_years, "year")


Detector = Literal["repeat_plate", "off_shift", "staff_plate", "no_hit_fishing", "sudden_volume", "other_agencies"]
DETECTORS: tuple[Detector, ...] = get_args(Detector)
_Count = Annotated[int, Field(ge=1, le=100_000)]
_Phrase = Annotated[str, StringConstraints(min_length=2, max_length=50, pattern=r"^[a-z]+( [a-z]+)*$")]


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the day in the agency's time zone, `begins` <= t < `ends`; they may pass midnight."""

    begins: time
    ends: time

    @classmethod
    def parse(cls, text: object) -> "Hours":
        """The hours in "06:00-18:00". Raises ValueError naming the form wanted."""
        try:
            begins, ends = (time.fromisoformat(part) for part in str(text).split("-"))
        except ValueError as error:
            raise ValueError('must be hours such as "06:00-18:00"') from error
        return cls(begins, ends)

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"

    @property
    def in_words(self) -> str:
        """For a sentence."""
        return f"{self.begins:%H:%M} to {self.ends:%H:%M}"

    def minutes_away(self, at: time) -> int:
        """Whole minutes from `at` to the nearest end; 0 within the hours."""
        begins, ends, now = (one.hour * 60 + one.minute for one in (self.begins, self.ends, at))
        day = 24 * 60
        if (now - begins) % day < ((ends - begins) % day or day):
            return 0
        return min((begins - now) % day, (now - ends) % day)


def hours_of_shifts(policy: UsePolicy) -> dict[str, Hours]:
    """The department's shifts by name; each lasts until the next begins (A4)."""
    begun = sorted(policy.shifts.items(), key=lambda shift: shift[1])
    return {name: Hours(begins, begun[(at + 1) % len(begun)][1]) for at, (name, begins) in enumerate(begun)}


_Hours = Annotated[Hours, BeforeValidator(Hours.parse)]


class AuditsPolicy(PolicySection):
    """Thresholds and times of audits. The platform keeps no duty roster: a shift is what the person named (A4)."""

    reviewer: Title
    """The post that sees to reviews and audits (B7)."""
    detectors: Several[Detector]
    """Those in force."""
    review_within: Duration
    """An item of the queue that is not settled by then is overdue."""
    number_owed_within: Duration
    """A8: after that a matter whose number is still pending goes to the queue."""
    repeat_plate_times: _Count
    """Searches of one plate by one person ..."""
    repeat_plate_times_one_matter: _Count
    """... or so many when all of them are for one matter that has a number ..."""
    repeat_plate_within: Duration
    """... within this."""
    shift_grace: Duration
    """So long before and after a shift of `[use]` belongs to it."""
    unscheduled_hours: _Hours
    """When those search who name no shift of the department; dispatchers who ask for an officer are exempt."""
    usual_after_days: _Count
    """An hour at which somebody has searched on so many days lately is usual for that person, and not off shift."""
    fishing_searches: _Count
    """Searches of one person within a day, of which ..."""
    fishing_percent: Annotated[int, Field(ge=1, le=100)]
    """... so many in a hundred found nothing."""
    volume_at_least: _Count
    """Searches of one person within a day that are many, when they are also more than ..."""
    volume_factor: _Count
    """... so many times the person's usual number of a day ..."""
    volume_compared_with: Duration
    """... in this time before."""
    released_at_least: _Count
    """Searches of one person under releases to other agencies within seven days."""
    outsiders_at_least: _Count
    """Searches of one person within seven days for somebody who, by the words, is of another agency."""
    outsider_words: Several[_Phrase]
    """Words by which `requested_by` names another agency."""
    random_sample: _Count
    """Records of an audit drawn from all of the period."""
    risk_sample: _Count
    """Further ones drawn from those of a kind that goes wrong."""
    audit_due_within: Duration
    """After the end of a period its audit must be signed off within this."""
    approver: Title
    """The post that signs an audit off (State Auditor 2019-118)."""


class BreachesPolicy(PolicySection):
    """How soon after its detection those concerned must have been told (Civil Code 1798.29)."""

    notify_within: Duration
    """From the detection."""


SECTIONS: Mapping[str, type[PolicySection]] = {
    "ledger": LedgerPolicy,
    "audit": AuditPolicy,
    "audits": AuditsPolicy,
    "breaches": BreachesPolicy,
}
