"""Which counts the public may see: none below a minimum, and none that another would give away (clause H2).

A count from 1 to one below the minimum is "fewer than the minimum"; 0 is shown, as it speaks of nobody. Where parts
have a total, a small part could be worked out from total and neighbours, so the total gives way: it is "at least" what
is shown. Withholding further parts instead, the usual complementary suppression, tells more than it seems to one who
knows by which rule they were chosen (Hundepool et al., Statistical Disclosure Control, 2012, chapter 4). Here what is
told stays the same whatever the small counts are.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FewerThan:
    """A count that is too small to be told."""

    minimum: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A total that would give a small part away: what the parts that are shown add up to."""

    shown: int


Shown = int | FewerThan | AtLeast


def shown(count: int, minimum: int) -> Shown:
    """A count that is part of no total."""
    return FewerThan(minimum) if 0 < count < minimum else count


def broken_down(parts: Mapping[str, int], minimum: int) -> tuple[Mapping[str, Shown], Shown]:
    """The parts and their total, so far as they may be told together."""
    told = {name: shown(count, minimum) for name, count in parts.items()}
    visible = sum(one for one in told.values() if isinstance(one, int))
    return told, visible if all(isinstance(one, int) for one in told.values()) else AtLeast(visible)
