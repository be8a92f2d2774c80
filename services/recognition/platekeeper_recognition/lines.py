"""Which lines of text in a frame are plates, for engines that find lines of text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees, dist

from platekeeper_common.events.recognition import Box, Candidate
from platekeeper_recognition import domain
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines.protocol import DASH, GAP, SIGN, Area, Reading
from platekeeper_recognition.plate_formats import PlateFormats

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
_EDGE = 0.05
"""The share of the frame above and below in which cameras print their clock."""

_BETWEEN_WORDS = re.compile("|".join(map(re.escape, (GAP, DASH, SIGN))))
_DATE_OR_TIME = re.compile(r"\d{4}-\d\d(-\d+)?|\d\d-\d\d-\d+|\d\d?:\d\d.*|.*:.*:.*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a frame and what it may say, most likely first."""

    area: Area
    readings: Sequence[Reading]


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
    found = []
    for line in lines:
        box = bounding_box(line.area, width, height)
        if may_be_serial(line.area) and not _is_clock(line, box, height):
            found.append(Plate(0, box, candidates(line.readings, expect.formats)))
    return domain.from_the_left(domain.sure(found, expect))


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

    Confidences of readings that give the same plate are added up, and then weighed by `formats`.
    """
    seen: dict[str, float] = {}
    for reading in readings:
        if (plate := serial(reading.text, known_plate=known_plate)) is not None:
            seen[plate] = seen.get(plate, 0.0) + reading.confidence
    return domain.weighed(seen, formats)


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
    across, down = zip(*area.corners, strict=True)
    return domain.box((min(across), min(down), max(across), max(down)), width, height)


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
