"""The transparency report: ended months in counts that are safe to show (clauses H2, H3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platekeeper_access_audit.publication import small_cells
from platekeeper_access_audit.publication.board import Facts
from platekeeper_access_audit.publication.policy import PublicationPolicy
from platekeeper_access_audit.publication.small_cells import Shown
from platekeeper_common.events.public import Figures, Searches

GUARDED = ("reads", "hits", "refusals", "releases", "releases_refused")
"""Counts of what happened to people and vehicles: shown from the minimum cell size."""
OPEN = ("audits", "purges")
"""Acts of the department upon itself: shown as they are."""
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Month:
    """One ended month; a figure that nobody stated is left out."""

    month: str
    figures: Mapping[str, Shown]
    """`searches` is the sum of `purposes`."""
    purposes: Mapping[str, Shown]


@dataclass(frozen=True, slots=True)
class Report:
    """What /transparency shows of an agency."""

    minimum: int
    months: tuple[Month, ...]
    """Newest first."""
    agencies: tuple[str, ...] | None
    """None: not stated yet."""


def report(facts: Facts, policy: PublicationPolicy) -> Report:
    """The last twelve months in which there was anything to count, and those between them."""
    counted = _from_first(facts.months)[-MONTHS:]
    agencies = None if facts.agencies is None else tuple(sorted(facts.agencies.agencies))
    return Report(policy.minimum_cell, tuple(_month(one, policy.minimum_cell) for one in reversed(counted)), agencies)


def _from_first(months: Sequence[Figures]) -> Sequence[Figures]:
    """Without the empty months before the system was used."""
    for place, one in enumerate(months):
        if one != Figures(month=one.month) and _any(one):
            return months[place:]
    return ()


def _any(one: Figures) -> bool:
    by_purpose = one.searches is not None and one.searches != Searches()
    return by_purpose or any(getattr(one, name) for name in (*GUARDED, *OPEN))


def _month(one: Figures, minimum: int) -> Month:
    figures: dict[str, Shown] = {}
    purposes: Mapping[str, Shown] = {}
    for name in GUARDED:
        if (count := getattr(one, name)) is not None:
            figures[name] = small_cells.shown(count, minimum)
    if one.searches is not None:
        parts = {name: int(getattr(one.searches, name)) for name in Searches.__struct_fields__}
        purposes, figures["searches"] = small_cells.broken_down(parts, minimum)
    figures |= {name: count for name in OPEN if (count := getattr(one, name)) is not None}
    return Month(one.month, figures, purposes)
