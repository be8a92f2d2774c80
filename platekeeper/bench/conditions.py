"""Figures apart by how hard a plate was to see: its width in pixels, the light; and by whose plate it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from platekeeper.bench.runs import Measured, Run
from platekeeper_recognition import measure
from platekeeper_recognition.measure import FOUND, Outcome

WIDTHS = (60, 80, 120, 200)
"""Pixels: where one group of plates ends and the next, wider one begins."""
DARK = 70.0
"""Scenes of less mean luminance (0..255) are night or dusk."""


@dataclass(frozen=True, slots=True)
class Part:
    """Plates under one condition."""

    name: str
    plates: int
    exact: int
    folded: int
    detected: int


def parts(runs: Sequence[Run]) -> list[Part]:
    """The runs of one engine, all sets together: scenes by width and light, crops by width."""
    scenes = [(each, outcome) for run in runs if not run.setup.crops for each, outcome in _plates(run)]
    crops = [(each, outcome) for run in runs if run.setup.crops for each, outcome in _plates(run)]
    return [
        *_parts("scenes, plate", [(_width(outcome), outcome) for _, outcome in scenes]),
        *_parts("scenes,", [(_light(each), outcome) for each, outcome in scenes]),
        *_parts("crops,", [(_width(outcome), outcome) for _, outcome in crops]),
    ]


def regions(runs: Sequence[Run]) -> list[Part]:
    """The plates whose labels say whose they are, region by region."""
    outcomes = [outcome for run in runs for outcome in run.outcomes if outcome.truth.plate]
    return [_part(name, some) for name, some in measure.split(outcomes, lambda each: each.truth.region).items()]


def _plates(run: Run) -> list[tuple[Measured, Outcome]]:
    return [(each, outcome) for each in run.pictures for outcome in each.scene.outcomes if outcome.truth.plate]


def _parts(of: str, named: Sequence[tuple[tuple[int, str], Outcome]]) -> list[Part]:
    names = sorted({name for name, _ in named})
    return [_part(f"{of} {name[1]}", [outcome for other, outcome in named if other == name]) for name in names]


def _part(name: str, outcomes: Sequence[Outcome]) -> Part:
    return Part(
        name,
        plates=len(outcomes),
        exact=sum(outcome.exact for outcome in outcomes),
        folded=sum(outcome.folded for outcome in outcomes),
        detected=sum(outcome.detected >= FOUND for outcome in outcomes),
    )


def _width(outcome: Outcome) -> tuple[int, str]:
    """The place of the group, and its name."""
    width = outcome.truth.box.width
    group = sum(width >= edge for edge in WIDTHS)
    if group == 0:
        return group, f"under {WIDTHS[0]} px wide"
    if group == len(WIDTHS):
        return group, f"{WIDTHS[-1]} px and wider"
    return group, f"{WIDTHS[group - 1]} to {WIDTHS[group] - 1} px wide"


def _light(each: Measured) -> tuple[int, str]:
    return (0, "night or dusk") if each.luminance < DARK else (1, "day")
