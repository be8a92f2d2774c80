"""How often cameras err, as far as anybody looked. Source: clause J1.

Nobody checks every read. A rate over all reads counts those as right that nobody looked at, so it is the least that the
camera errs; one over the reads that people looked at leans to the other side, for they look at what seems odd.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from platekeeper_common.errors import Invalid
from platekeeper_common.events.retention import Verdict
from platekeeper_retention.corrected import ERRORS
from platekeeper_retention.domain import in_utc

DAYS_AT_MOST = 31
"""In one answer."""


@dataclass(frozen=True, slots=True, order=True)
class Eye:
    """A camera and the recogniser that read for it: what a rate is told of."""

    camera_id: str
    model_name: str
    model_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted of the reads of a time."""

    reads: int = 0
    """Each once for each recogniser that read it."""
    looked_at: int = 0
    """Those whose picture a person opened, or that were corrected."""
    found: Mapping[Verdict, int] = field(default_factory=dict)
    """Those of which somebody said so last."""

    @property
    def errors(self) -> int:
        """Reads whose plate was another, or none."""
        return sum(self.found.get(verdict, 0) for verdict in ERRORS)

    @property
    def error_rate_of_looked_at(self) -> float | None:
        """None: nobody looked."""
        return self.errors / self.looked_at if self.looked_at else None

    @property
    def error_rate_of_reads(self) -> float | None:
        """None: nobody looked, and that is no 0."""
        return self.errors / self.reads if self.looked_at and self.reads else None

    def __add__(self, other: "Tally") -> "Tally":
        """Of both times together."""
        found = {verdict: self.found.get(verdict, 0) + other.found.get(verdict, 0) for verdict in self.found}
        return Tally(
            reads=self.reads + other.reads,
            looked_at=self.looked_at + other.looked_at,
            found={**other.found, **found},
        )


@dataclass(frozen=True, slots=True)
class Day:
    """A day on the agency's calendar, and when it begins and ends (aware UTC, the end not in it)."""

    date: date
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` (in it) to `end` (not in it), aware UTC; None: open."""

    start: datetime | None = None
    end: datetime | None = None


def days(first: date | None, last: date | None, zone: ZoneInfo, now: datetime) -> list[Day]:
    """The days from `first` to `last`, both in it; of the last week when neither is given.

    Raises Invalid `period_invalid`.
    """
    try:
        return _days(first, last, zone, now)
    except OverflowError as error:
        raise Invalid("the period lies outside the calendar", code="period_invalid") from error


def window(start: datetime | None, end: datetime | None) -> Window:
    """The time between aware moments. Raises Invalid `period_invalid` for one outside of the calendar in UTC."""
    return Window(in_utc(start, "from", code="period_invalid"), in_utc(end, "to", code="period_invalid"))


def _days(first: date | None, last: date | None, zone: ZoneInfo, now: datetime) -> list[Day]:
    last = last or (first + timedelta(days=6) if first else now.astimezone(zone).date())
    first = first or last - timedelta(days=6)
    if not timedelta() <= last - first < timedelta(days=DAYS_AT_MOST):
        detail = f"the period is from a day to one that is not before it, {DAYS_AT_MOST} days at most"
        raise Invalid(detail, code="period_invalid")
    dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [Day(one, _begins(one, zone), _begins(one + timedelta(days=1), zone)) for one in dates]


def whole(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    total = Tally()
    for one in tallies:
        total = total + one
    return total


def _begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
