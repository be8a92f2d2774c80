"""What counts as a plate in a frame, what each may be, and whose; the same for every engine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, floor

from platekeeper_common.events.recognition import Box, Candidate
from platekeeper_recognition.plate_formats import PlateFormats

MOST_CANDIDATES = 10
LEAST_REGION = 0.6
"""A state or country that is less sure is not named."""
_WORD, _MIXED, _RARE = 0.3, 0.02, 0.3
"""How much less than a usual shape we expect one of letters or digits alone, one that mixes them, and each rare letter.

Of 292 American plates of the training photographs a third are of unusual shapes, most of letters alone; one in sixteen
mixes letters and digits, and those have some hundred shapes to choose from.
"""
_SAME = 0.4
"""Two boxes of which the smaller lies in the other by more than this share show the same plate."""
_LEAST_CANDIDATE = 1e-4


@dataclass(frozen=True, slots=True)
class Region:
    """Whose plate it seems to be: a guess, never a reason to leave anything out."""

    country: str
    """ISO 3166 alpha-2, as `US`."""
    state: str | None
    """Postal code of the state, as `CA`; None when only the country is sure enough."""
    confidence: float
    """0..1, of the state when it is named, otherwise of the country."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate in a frame."""

    number: int
    """1 for the leftmost in the frame."""
    box: Box
    candidates: tuple[Candidate, ...]
    """One to ten, most likely first; the first is the plate."""
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What counts as a plate here."""

    formats: tuple[PlateFormats, ...]
    """Of the regions whose plates are expected; other shapes are read too, with more doubt. None: every shape alike."""
    least_confidence: float
    """0..1: a plate that is less sure is none."""


def weighed(seen: Mapping[str, float], formats: Sequence[PlateFormats]) -> tuple[Candidate, ...]:
    """What a plate may be, at most ten, most likely first, by how sure the reader is of each text.

    The sum of its confidences is shared out again by how much each plate was to be expected under `formats` (Bayes'
    rule), so what the reader doubted stays doubted.
    """
    expected = {plate: confidence * _weight(plate, formats) for plate, confidence in seen.items()}
    total = sum(expected.values())
    if total <= 0:
        return ()
    share = sum(seen.values()) / total
    ranked = sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    shared = [Candidate(plate, round(min(weight * share, 1.0), 4)) for plate, weight in ranked[:MOST_CANDIDATES]]
    return tuple(candidate for candidate in shared if candidate.confidence >= _LEAST_CANDIDATE)


def region(shares: Mapping[str, float]) -> Region | None:
    """The state or country that is surest, by the probability of each name, as `us-ca`, `eu-de`, `br`.

    A country has the sum of its states. None when nothing reaches LEAST_REGION.
    """
    states: dict[tuple[str, str], float] = {}
    countries: dict[str, float] = {}
    for name, share in shares.items():
        country, state = _places(name)
        countries[country] = countries.get(country, 0.0) + share
        if state is not None:
            states[country, state] = states.get((country, state), 0.0) + share
    sure = [Region(*place, share) for place, share in states.items() if share >= LEAST_REGION]
    sure += [Region(country, None, share) for country, share in countries.items() if share >= LEAST_REGION]
    best = max(sure, key=lambda guess: (guess.state is not None, guess.confidence), default=None)
    return best and replace(best, confidence=round(min(best.confidence, 1.0), 4))


def sure(plates: Iterable[Plate], expect: Expectation) -> list[Plate]:
    """Those that can be read and are sure enough, surest first; of two at the same place the surer."""
    read = [plate for plate in plates if plate.candidates and _confidence(plate) >= expect.least_confidence]
    kept: list[Plate] = []
    for plate in sorted(read, key=_confidence, reverse=True):
        if not any(_share(plate.box, other.box) > _SAME for other in kept):
            kept.append(plate)
    return kept


def from_the_left(plates: Iterable[Plate]) -> list[Plate]:
    """The plates of one frame with their numbers."""
    ordered = sorted(plates, key=lambda plate: (plate.box.x, plate.box.y))
    return [replace(plate, number=number) for number, plate in enumerate(ordered, start=1)]


def box(edges: tuple[float, float, float, float], width: int, height: int) -> Box:
    """The whole pixels of left, top, right and bottom inside a picture of `width` x `height`; never empty."""
    left = min(max(floor(edges[0]), 0), width - 1)
    top = min(max(floor(edges[1]), 0), height - 1)
    right = min(max(ceil(edges[2]), left + 1), width)
    bottom = min(max(ceil(edges[3]), top + 1), height)
    return Box(left, top, right - left, bottom - top)


def shape(plate: str) -> str:
    """The plate's order of letters (A) and digits (9)."""
    return "".join("9" if character.isdigit() else "A" for character in plate)


def edits(one: str, other: str) -> int:
    """The least number of characters to change, add or drop that makes one text the other (Levenshtein 1966)."""
    above = list(range(len(other) + 1))
    for row, left in enumerate(one, start=1):
        here = [row]
        for column, right in enumerate(other, start=1):
            here.append(min(here[-1] + 1, above[column] + 1, above[column - 1] + (left != right)))
        above = here
    return above[-1]


def _confidence(plate: Plate) -> float:
    return plate.candidates[0].confidence


@cache
def _places(name: str) -> tuple[str, str | None]:
    """Country and state of a region's name: `eu-de` is Germany, `us-ca` a state, `br-mercosul` a design of Brazil's."""
    whole, _, part = name.upper().partition("-")
    if whole == "EU":
        return part, None
    return whole, (part or None) if whole == "US" else None


def _weight(plate: str, formats: Sequence[PlateFormats]) -> float:
    unusual, order = _WORD if plate.isalpha() or plate.isdigit() else _MIXED, shape(plate)
    weights = [
        (1.0 if order in region.shapes else unusual) * _RARE ** sum(map(plate.count, region.rare_letters))
        for region in formats
    ]
    return max(weights, default=1.0)


def _share(one: Box, other: Box) -> float:
    """How much of the smaller box lies in the other, 0..1."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(across, 0) * max(down, 0) / smaller
