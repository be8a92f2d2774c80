"""Rules of a breach's record: values in, values out (clause G5; Civil Code 1798.29)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from platekeeper_common.errors import Conflict
from platekeeper_common.ids import AgencyId

Deed = Literal["contained", "notice", "tokens_revoked", "note"]
"""What the administrator does about a breach."""
What = Literal["recorded", "closed"] | Deed


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A breach. `policy`: what it is handled under by the profile; None where the manual names nothing."""

    id: str
    agency_id: AgencyId
    summary: str
    scope: str
    """What it is thought to have touched, in words."""
    policy: str | None
    policy_version: str
    detected_at: datetime
    recorded_at: datetime
    recorded_by: str
    notify_by: datetime
    """Until when those concerned must have been told."""
    contained_at: datetime | None = None
    notified_at: datetime | None = None
    """Of the first notice."""
    closed_at: datetime | None = None

    def hours_since_detection(self, now: datetime) -> float:
        """The clock of notification: until the first notice, or so far."""
        return round(((self.notified_at or now) - self.detected_at).total_seconds() / 3600, 2)

    def is_overdue(self, now: datetime) -> bool:
        """Whether nobody was told in time."""
        return (self.notified_at or now) >= self.notify_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was done about a breach, at the moment that the administrator names. `to`: who was told."""

    at: datetime
    recorded_at: datetime
    """When it was entered: a notice that is entered late shows."""
    what: What
    subject: str
    username: str
    to: str | None = None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Which records a scope report looks at: `starts` <= at < `ends`, and each of the others that is given."""

    starts: datetime
    ends: datetime
    subject: str | None = None
    device: str | None = None
    organisation: str | None = None

    def described(self) -> str:
        """In one line, as the object of the record of the report."""
        given = {"subject": self.subject, "device": self.device, "organisation": self.organisation}
        bounds = f"{self.starts.isoformat()}/{self.ends.isoformat()}"
        return "&".join([bounds, *(f"{name}={value}" for name, value in given.items() if value)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """What one person or device did between two moments, and what was handed out: ids of reads, hits and the like."""

    subject: str
    username: str
    name: str
    organisation: str
    devices: tuple[str, ...]
    addresses: tuple[str, ...]
    actions: dict[str, int]
    refused: int
    first_at: datetime
    last_at: datetime
    results: int
    """Things handed out, as the records count them."""
    result_ids: tuple[str, ...]


def demand_open(breach: Breach) -> None:
    """Raise Conflict `breach_closed` for one that nothing more is done about."""
    if breach.closed_at is not None:
        raise Conflict("this breach is closed; its record stays", code="breach_closed", clause="G5")


def demand_may_close(breach: Breach) -> None:
    """Raise Conflict `breach_closed`, or `breach_unfinished` naming what the record lacks."""
    demand_open(breach)
    lacking = [
        what
        for what, there in (("when it was contained", breach.contained_at), ("a notice", breach.notified_at))
        if there is None
    ]
    if lacking:
        raise Conflict(
            f"a breach is closed once its record says {' and has '.join(lacking)}"
            + (f", as {breach.policy} asks" if breach.policy else ""),
            code="breach_unfinished",
            clause="G5",
        )
