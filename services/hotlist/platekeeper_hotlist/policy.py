"""Hotlist's sections of a policy profile: [hotlist], and the shared [use] and [audit]."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from platekeeper_common import shared_policy
from platekeeper_common.periods import Duration
from platekeeper_common.policy import PolicySection, Several

LookAlikes = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,}$")]
"""Characters that a reader confuses, written together: "0ODQ"."""


class HotlistPolicy(PolicySection):
    """How reads match, what an alert must go through before a stop, which list data is masked (clauses D1, D2)."""

    clets_verification: Literal["should", "shall"]
    """D2: `shall` refuses to clear a stop without verification; `should` lets a recorded reason stand for it."""
    clets_before: Literal["enforcement_action", "directed_stop_or_detention"]
    """D2: what verification comes before when the alert is the only ground."""
    protected_sources: Several[Literal["dept", "state", "federal", "clets"]]
    """D1: list data from these sources is masked for those without that source's entitlement."""
    look_alikes: Several[LookAlikes]
    """Disjoint sets; a read matches an entry when their characters differ only within sets."""
    look_alikes_at_most: Annotated[int, Field(ge=0, le=2)]
    """How many characters of a plate may differ so; never its length."""
    partial_expires_after: Duration
    """A7: a partial plate leaves its list by itself after so long at the latest, and when nobody says sooner."""
    sighting_within: Duration
    """Reads of a vehicle that were captured so shortly after one another, at one place, are sightings of one hit."""
    sighting_within_metres: Annotated[int, Field(ge=1, le=10_000)]
    """How far from where a hit was told its sightings may lie."""
    hit_told_again_after: Duration
    """A vehicle that stays is told again after so long."""

    @field_validator("look_alikes")
    @classmethod
    def _sets_are_disjoint(cls, sets: tuple[str, ...]) -> tuple[str, ...]:
        characters = "".join(sets)
        if twice := sorted({character for character in characters if characters.count(character) > 1}):
            raise ValueError(f"a character may stand only once: {', '.join(twice)}")
        return sets


SECTIONS: Mapping[str, type[PolicySection]] = {"hotlist": HotlistPolicy, **shared_policy.SECTIONS}
