"""Which lines of text in a frame are plates, and what each plate may be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, ceil, degrees, dist, floor

from platekeeper_common.events.recognition import Box, Candidate
from platekeeper_recognition.engines.protocol import DASH, GAP, SIGN, Area, Reading
from platekeeper_recognition.plate_formats import PlateFormats

MOST_CANDIDATES = 10
_SHORTEST, _LONGEST = 4, 8
_SHORTEST_VANITY = 2
_ALL_DIGITS = range(5, 8)
"""How long a plate without letters may be."""
_NARROWEST, _WIDEST = 1.2, 9.0
"""Width over height of a line that may be a serial."""
_LOWEST = 7.0
"""Pixels: lower letters are guesses."""
_STEEPEST = 35.0
"""Degrees from level."""
_UNUSUAL, _RARE = 0.3, 0.3
"""How much less we expect a plate of an unusual shape, and each rare letter in it: vanity plates have both."""
_EDGE = 0.05
"""The share of the frame above and below in which cameras print their clock."""
_SAME = 0.4
"""Two boxes of which the smaller lies in the other by more than this share show the same plate."""
_LEAST_CANDIDATE = 1e-4

_BETWEEN_WORDS = re.compile("|".join(map(re.escape, (GAP, DASH, SIGN))))
_DATE_OR_TIME = re.compile(r"\d{4}-\d\d(-\d+)?|\d\d-\d\d-\d+|\d\d?:\d\d.*|.*:.*:.*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a frame and what it may say, most likely first."""

    area: Area
    readings: Sequence[Reading]


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate in a frame."""

    number: int
    """1 for the leftmost in the frame."""
    box: Box
    candidates: tuple[Candidate, ...]
    """One to ten, most likely first; the first is the plate."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What counts as a plate here."""

    formats: tuple[PlateFormats, ...]
    """Of the regions whose plates are expected; other shapes are read too, with more doubt. None: every shape alike."""
    least_confidence: float
    """0..1: a plate that is less sure is none."""


def may_be_serial(area: Area) -> bool:
    """Whether the area has the proportions, size and slope of a plate's serial."""
    above_left, above_right, _below_right, below_left = area.corners
    width, height = dist(above_left, above_right), dist(above_left, below_left)
    if height < _LOWEST or not _NARROWEST <= width / height <= _WIDEST:
        return False
    slope = degrees(atan2(above_right[1] - above_left[1], above_right[0] - above_left[0]))
    return abs(slope) <= _STEEPEST


def find_plates(lines: Sequence[Line], expect: Expectation, *, width: int, height: int) -> list[Plate]:
    """The plates among the lines of a frame of `width` x `height` pixels, from the left."""
    found: list[tuple[Box, tuple[Candidate, ...]]] = []
    for line in lines:
        box = bounding_box(line.area, width, height)
        if not may_be_serial(line.area) or _is_clock(line, box, height):
            continue
        plates = candidates(line.readings, expect.formats)
        if plates and plates[0].confidence >= expect.least_confidence:
            found.append((box, plates))
    found.sort(key=lambda plate: -plate[1][0].confidence)
    kept: list[tuple[Box, tuple[Candidate, ...]]] = []
    for box, plates in found:
        if not any(_share(box, other) > _SAME for other, _ in kept):
            kept.append((box, plates))
    kept.sort(key=lambda plate: (plate[0].x, plate[0].y))
    return [Plate(number, box, plates) for number, (box, plates) in enumerate(kept, start=1)]


def plate_in_box(lines: Sequence[Line], expect: Expectation, *, width: int, height: int) -> Plate | None:
    """The plate in a cut of `width` x `height` pixels that is known to show one: its largest line that can be read.

    There a serial may also be of letters alone, or short; stickers, the state and slogans are smaller.
    """
    for line in sorted(lines, key=lambda line: -_height(line.area)):
        plates = candidates(line.readings, expect.formats, known_plate=True)
        if plates and plates[0].confidence >= expect.least_confidence:
            return Plate(1, bounding_box(line.area, width, height), plates)
    return None


def candidates(
    readings: Sequence[Reading], formats: Sequence[PlateFormats], *, known_plate: bool = False
) -> tuple[Candidate, ...]:
    """The plates that a line's readings may be, at most ten, most likely first.

    Confidences of readings that give the same plate are added up; then that sum is shared out again by how much each
    plate was to be expected under `formats` (Bayes' rule), so what the reader doubted stays doubted.
    """
    seen: dict[str, float] = {}
    for reading in readings:
        if (plate := serial(reading.text, known_plate=known_plate)) is not None:
            seen[plate] = seen.get(plate, 0.0) + reading.confidence
    expected = {plate: confidence * _weight(plate, formats) for plate, confidence in seen.items()}
    total = sum(expected.values())
    if total <= 0:
        return ()
    share = sum(seen.values()) / total
    ranked = sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    shared = [Candidate(plate, round(min(weight * share, 1.0), 4)) for plate, weight in ranked[:MOST_CANDIDATES]]
    return tuple(candidate for candidate in shared if candidate.confidence >= _LEAST_CANDIDATE)


def serial(text: str, *, known_plate: bool = False) -> str | None:
    """The serial in a line, of A-Z and 0-9; None when it holds none.

    Words of five or more letters are captions (a state, a slogan, a dealer): no series runs so many letters together.
    Four letters are one too when the rest is a serial without them. On a `known_plate` all that is there is the serial,
    if it is not too long.
    """
    if known_plate:
        plate = _BETWEEN_WORDS.sub("", text)
        return plate if _SHORTEST_VANITY <= len(plate) <= _LONGEST else None
    words = [word for word in _BETWEEN_WORDS.split(text) if word]
    words = [word for word in words if not (len(word) >= 5 and word.isalpha())]
    shorter = "".join(word for word in words if not (len(word) == 4 and word.isalpha()))
    for plate in (shorter, "".join(words)):
        if _is_serial(plate):
            return plate
    return None


def bounding_box(area: Area, width: int, height: int) -> Box:
    """The upright box around the area, inside a picture of `width` x `height` pixels; never empty."""
    left = min(max(floor(min(x for x, _ in area.corners)), 0), width - 1)
    top = min(max(floor(min(y for _, y in area.corners)), 0), height - 1)
    right = min(max(ceil(max(x for x, _ in area.corners)), left + 1), width)
    bottom = min(max(ceil(max(y for _, y in area.corners)), top + 1), height)
    return Box(left, top, right - left, bottom - top)


def shape(plate: str) -> str:
    """The plate's order of letters (A) and digits (9)."""
    return "".join("9" if character.isdigit() else "A" for character in plate)


def _height(area: Area) -> float:
    above_left, _, _, below_left = area.corners
    return dist(above_left, below_left)


def _is_serial(plate: str) -> bool:
    if plate.isdigit():
        return len(plate) in _ALL_DIGITS
    return _SHORTEST <= len(plate) <= _LONGEST and not plate.isalpha()


def _is_clock(line: Line, box: Box, height: int) -> bool:
    """Whether the camera printed this line into the frame: a date or a time, or digits alone at the edge."""
    if not line.readings:
        return False
    text = line.readings[0].text
    if _DATE_OR_TIME.fullmatch(text.replace(GAP, "")):
        return True
    at_edge = box.y < height * _EDGE or box.y + box.height > height * (1 - _EDGE)
    return at_edge and not any(character.isalpha() for character in text)


def _weight(plate: str, formats: Sequence[PlateFormats]) -> float:
    weights = [
        (1.0 if shape(plate) in region.shapes else _UNUSUAL) * _RARE ** sum(map(plate.count, region.rare_letters))
        for region in formats
    ]
    return max(weights, default=1.0)


def _share(one: Box, other: Box) -> float:
    """How much of the smaller box lies in the other, 0..1."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(across, 0) * max(down, 0) / smaller
