"""Lengths of time as policy files write them: "5 min", "30 days", "1 year".

A `Duration` is an exact length, for limits and warnings. A `Period` is counted on the calendar, for retention.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

Unit = Literal["day", "month", "year"]
_LONGEST: dict[Unit, int] = {"day": 36_500, "month": 1_200, "year": 100}
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "day": 86_400, "days": 86_400}


@dataclass(frozen=True, slots=True)
class Period:
    """A positive number of calendar days, months or years, up to a hundred years. Raises ValueError for any other."""

    count: int
    unit: Unit

    def __post_init__(self) -> None:
        """Refuse what no schedule can mean."""
        if self.unit not in get_args(Unit) or not 1 <= self.count <= _LONGEST[self.unit]:
            raise ValueError("a period lies between 1 day and 100 years")

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"

    @classmethod
    def parse(cls, text: str) -> "Period":
        """The period in "30 days", "18 months", "1 year". Raises ValueError naming the form wanted."""
        match = re.fullmatch(r"([1-9][0-9]{0,4}) (day|month|year)(s?)", text, re.ASCII)
        if match is None or (match[1] != "1") != bool(match[3]):
            raise ValueError('must be a period such as "30 days", "18 months" or "1 year"')
        unit: Unit = "day" if match[2] == "day" else "month" if match[2] == "month" else "year"
        return cls(int(match[1]), unit)

    def after(self, moment: datetime) -> datetime:
        """The moment, in UTC, at which a period that began at `moment` (aware) is over.

        Months and years end at the same time of the same day of the month, counted in UTC. Where that month lacks the
        day, the period ends on the first of the next: 2028-02-29 and a year is 2029-03-01, so no period falls short.
        Raises ValueError for a naive moment, OverflowError beyond the year 9999.
        """
        if moment.tzinfo is None:
            raise ValueError("a moment must know its time zone")
        start = moment.astimezone(UTC)
        if self.unit == "day":
            return start + timedelta(days=self.count)
        months = start.year * 12 + start.month - 1 + self.count * (12 if self.unit == "year" else 1)
        year, month = months // 12, months % 12 + 1
        if year > MAXYEAR:
            raise OverflowError("the period ends beyond the year 9999")
        if start.day <= calendar.monthrange(year, month)[1]:
            return start.replace(year=year, month=month)
        return start.replace(year=year, month=month + 1, day=1)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar, in UTC."""

    year: int
    month: int

    def __str__(self) -> str:
        """`2026-10`."""
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """The month in which an aware moment lies."""
        at = moment.astimezone(UTC)
        return cls(at.year, at.month)

    def back(self, count: int) -> "Month":
        """So many months earlier; a negative count is later."""
        months = self.year * 12 + self.month - 1 - count
        return Month(months // 12, months % 12 + 1)

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.back(-1).start


def parse_duration(text: str) -> timedelta:
    """The exact length in "10 s", "5 min", "2 h", "1 day", "21 days". Raises ValueError naming the form wanted."""
    match = re.fullmatch(r"([1-9][0-9]{0,4}) (s|min|h|days?)", text, re.ASCII)
    if match is None or (match[2] in ("day", "days") and (match[1] == "1") != (match[2] == "day")):
        raise ValueError('must be a duration such as "10 s", "5 min", "2 h" or "21 days"')
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _duration(value: object) -> object:
    return value if isinstance(value, timedelta) else parse_duration(_text(value, "5 min"))


def _period(value: object) -> object:
    return value if isinstance(value, Period) else Period.parse(_text(value, "1 year"))


def _text(value: object, example: str) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f'must be a text such as "{example}"')


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A model's field for an exact length: "5 min" in the file, a timedelta in the program."""
CalendarPeriod = Annotated[Period, BeforeValidator(_period)]
"""A model's field for a length counted on the calendar: "1 year" in the file, a `Period` in the program."""
