"""How often the state or country that a read guesses is right, and how sure it was."""

from collections.abc import Sequence
from dataclasses import dataclass

from platekeeper.bench.runs import Run
from platekeeper_recognition import reliability
from platekeeper_recognition.domain import Region
from platekeeper_recognition.reliability import Judged


@dataclass(frozen=True, slots=True)
class Guesses:
    """Of reads of plates whose region is known."""

    reads: int
    judged: tuple[Judged, ...]
    """Those that name a state or country, as sure as they are of it."""
    states: int
    """Of the right guesses, those that name the state and not its country alone."""

    @property
    def right(self) -> int:
        """How many are right, as far as they go."""
        return sum(guess.right for guess in self.judged)

    @property
    def error(self) -> float:
        """The expected calibration error, 0..1; equal widths. Raises ZeroDivisionError without a guess."""
        return reliability.expected_error(reliability.equal_width(self.judged))


def of(runs: Sequence[Run]) -> Guesses:
    """What labels say counts, otherwise what the set's name ends with, when that is a country (`scenes-us`)."""
    known = [
        (outcome.truth.region or run.setup.country, outcome.read.region)
        for run in runs
        for outcome in run.outcomes
        if outcome.read is not None and (outcome.truth.region or run.setup.country)
    ]
    named = [(truth, guess) for truth, guess in known if guess is not None]
    return Guesses(
        reads=len(known),
        judged=tuple(Judged(guess.confidence, is_right(truth, guess)) for truth, guess in named),
        states=sum(guess.state is not None and is_right(truth, guess) for truth, guess in named),
    )


def is_right(truth: str, guess: Region) -> bool:
    """Whether the guess is the region of that name (`us-ca`, `eu-de`, `br`), or its country when it names no state."""
    whole, _, part = truth.upper().partition("-")
    country, state = (part, "") if whole == "EU" else (whole, part)
    return guess.country == country and (guess.state is None or not state or guess.state == state)
