"""The faults of a campaign: who is killed, and how long after the last; the same seed gives the same plan."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

FIRST = (
    "kafka",
    "postgresql",
    "ingest-api",
    "recognition-worker-1",
    "hotlist-worker",
    "retention-worker",
    "ledger-worker",
)
"""Whom every campaign kills before anybody twice: through these goes what is acknowledged."""
ENGINES = ("kafka", "postgresql")
ENGINE_SHARE = 0.2
APART = 5
"""So many others are killed before the same again: what never stands does no work that a fault could spoil."""


@dataclass(frozen=True, slots=True)
class Fault:
    """kill -9 of the process `victim`, so many seconds after the fault before."""

    after: float
    victim: str


def plan(seed: int, faults: int, victims: Sequence[str], mean_seconds: float) -> list[Fault]:
    """So many faults: everybody is killed once before chance alone decides, which takes the engines more often.

    Pauses are of any length up to twice the mean: some come while the last is not mended yet.
    """
    dice = random.Random(seed)
    first = [name for name in FIRST if name in victims]
    rest = [name for name in victims if name not in first]
    dice.shuffle(first)
    dice.shuffle(rest)
    names = [*first, *rest][:faults]
    while len(names) < faults:
        rested = [name for name in victims if name not in names[-APART:]]
        engines = [name for name in rested if name in ENGINES]
        names.append(dice.choice(engines if engines and dice.random() < ENGINE_SHARE else rested))
    return [Fault(round(dice.uniform(0, 2 * mean_seconds), 2), name) for name in names]
