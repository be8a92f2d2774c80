"""What services have stated of each agency, as every process of publication has it in memory: the last word of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from platekeeper_common.events.envelope import Event
from platekeeper_common.events.public import (
    Accuracy,
    AgenciesWithAccess,
    Courses,
    Figures,
    Monitoring,
    Posts,
    Retention,
    Sharing,
    StatedInPublic,
    Titles,
)
from platekeeper_common.ids import AgencyId

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an agency; None where nobody has stated it yet."""

    titles: Titles | None = None
    posts: Posts | None = None
    courses: Courses | None = None
    monitoring: Monitoring | None = None
    retention: Retention | None = None
    sharing: Sharing | None = None
    accuracy: Accuracy | None = None
    agencies: AgenciesWithAccess | None = None
    months: tuple[Figures, ...] = ()
    """By month, oldest first, each with what all services counted."""


@dataclass
class Board:
    """The register of statements."""

    _said: dict[str, StatedInPublic] = field(default_factory=dict)

    async def apply(self, event: Event) -> None:
        """Take in a statement. Safe to run twice; an older word never replaces a newer one."""
        if not isinstance(event, StatedInPublic):
            return
        known = self._said.get(event.key)
        if known is None or known.stated_at <= event.stated_at:
            self._said[event.key] = event

    def of(self, agency_id: AgencyId) -> Facts:
        """All that is stated of the agency."""
        said = sorted(
            (event for event in self._said.values() if event.agency_id == agency_id), key=lambda event: event.stated_at
        )
        return Facts(
            titles=_last(said, Titles),
            posts=_last(said, Posts),
            courses=_last(said, Courses),
            monitoring=_last(said, Monitoring),
            retention=_last(said, Retention),
            sharing=_last(said, Sharing),
            accuracy=_last(said, Accuracy),
            agencies=_last(said, AgenciesWithAccess),
            months=tuple(_months(said)),
        )


def _last(said: list[StatedInPublic], kind: type[T]) -> T | None:
    found = [event.content for event in said if isinstance(event.content, kind)]
    return found[-1] if found else None


def _months(said: list[StatedInPublic]) -> Iterator[Figures]:
    months: dict[str, Figures] = {}
    for event in said:
        if isinstance(figures := event.content, Figures):
            counted = {
                name: value for name in Figures.__struct_fields__ if (value := getattr(figures, name)) is not None
            }
            months[figures.month] = msgspec.structs.replace(
                months.get(figures.month, Figures(month=figures.month)), **counted
            )
    yield from (months[month] for month in sorted(months))
