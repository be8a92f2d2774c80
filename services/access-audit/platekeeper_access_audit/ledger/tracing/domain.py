"""Whether what a record asked for is a plate, or could have shown it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from platekeeper_access_audit.ledger.domain import SEARCHES, Entry
from platekeeper_access_audit.ledger.plate_index.domain import named_in, scopes
from platekeeper_common import patterns, plates
from platekeeper_common.actions import Action
from platekeeper_common.errors import Invalid
from platekeeper_common.periods import Month

Match = Literal["plate", "pattern", "area"]
"""`plate`: it named the plate. `pattern`: it named a pattern that the plate matches. `area`: it named no plate, but an
area, cameras or a time in which the plate may have been read."""
SHOWS = (
    *SEARCHES,
    Action.RELEASE_RECEIVE.value,
    Action.RELEASE_VIEW.value,
    Action.RELEASE_DECIDE.value,
    Action.RELEASE_FULFIL.value,
    Action.RELEASE_HAND_OUT.value,
)
"""Acts that could have shown the plate without its name: searches, and what is done with a written request (I3, I4)."""
LOOKS_BACK = timedelta(days=31)
"""How far a question that names no beginning goes back."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """Who asked for the normalised plate from `start` to before `end`, in UTC."""

    plate: str
    start: datetime
    end: datetime
    username: str | None = None

    def touches(self, month: str) -> bool:
        """Whether records of the month (`2026-11`, in UTC) may lie in the period."""
        return str(Month.of(self.start)) <= month <= str(Month.of(self.end))

    def elements(self) -> dict[str, Any]:
        """What the record of the question says of it, as JSON values."""
        asked = {"plate": self.plate, "from": self.start.isoformat(), "to": self.end.isoformat()}
        return asked | ({"username": self.username} if self.username else {})


@dataclass(frozen=True, slots=True)
class Traced:
    """A record that asked for the plate or could have shown it, with its query elements."""

    entry: Entry
    match: Match
    query: Mapping[str, Any]


def question(
    plate: str, start: datetime | None, end: datetime | None, now: datetime, username: str | None = None
) -> Question:
    """The question, its plate normalised, its period (UTC) ending now and of LOOKS_BACK unless it says otherwise.

    Raises Invalid `plate_invalid`, or `period_empty`.
    """
    until = end or now + timedelta(seconds=1)
    since = start or max(until, _EARLIEST + LOOKS_BACK) - LOOKS_BACK
    if since >= until:
        raise Invalid("`from` must be before `to`", code="period_empty")
    return Question(plates.normalise(plate), since, until, username)


def match(plate: str, query: Mapping[str, Any]) -> Match | None:
    """How the elements of a query are about the plate; None when they name other plates or another pattern."""
    if plate in named_in(query):
        return "plate"
    ways = {_could_show(plate, scope) for scope in scopes(query)}
    return "pattern" if "pattern" in ways else "area" if "area" in ways else None


def _could_show(plate: str, scope: Mapping[str, Any]) -> Match | None:
    for name in ("plate", "pattern"):
        if (text := scope.get(name)) is not None:
            return "pattern" if isinstance(text, str) and _matches(plate, text) else None
    asked = {"area", "cameras", "from", "to"} & scope.keys()
    return "area" if asked and "plates" not in scope else None


def _matches(plate: str, text: str) -> bool:
    try:
        return patterns.is_pattern(text) and patterns.parse(text).matches(plate)
    except Invalid:
        return False
