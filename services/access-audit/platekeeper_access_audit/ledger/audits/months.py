"""Months of the calendar, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month; as a text `2026-11`."""

    year: int
    month: int

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Raises ValueError for what is no month."""
        if not re.fullmatch(r"[2-9][0-9]{3}-(0[1-9]|1[0-2])", text, re.ASCII):
            raise ValueError("must be a month such as 2026-11")
        return cls(int(text[:4]), int(text[5:]))

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """The month in which the aware moment lies."""
        at = moment.astimezone(UTC)
        return cls(at.year, at.month)

    def back(self, count: int) -> "Month":
        """So many months earlier."""
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
