"""Characters as dies press them: strokes of one width along a skeleton, with corners more or less round.

No free font has the faces of United States plates. Each plate here gets a die of its own, drawn from ranges that hold
those seen on real plates, so that a reader learns the characters and not one face.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
"""Height x width, 255 where the character is."""

_OVERSAMPLED = 2
_ARC_STEPS = 5

Point = tuple[float, float, float]
"""Across 0..1, down 0..1, and how round the corner there is 0..1."""
Stroke = tuple[Point, ...]
Skeleton = tuple[Stroke, ...]


def _open(*points: float) -> Stroke:
    return tuple((points[k], points[k + 1], points[k + 2]) for k in range(0, len(points), 3))


def _ring(left: float, top: float, right: float, bottom: float) -> Stroke:
    """A closed loop with round corners; it begins in the middle of its top so that all four are corners."""
    middle = (left + right) / 2
    return _open(middle, top, 0, right, top, 1, right, bottom, 1, left, bottom, 1, left, top, 1, middle, top, 0)


_SIX = _open(0.95, 0.2, 0, 0.95, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0.44, 1, 0, 0.44, 0.8, 0, 0.62, 0)
_UPPER, _LOWER = _ring(0.05, 0, 0.95, 0.46), _ring(0, 0.46, 1, 1)
_STEM = _open(0, 0, 0, 0, 1, 0)

SHAPES: Mapping[str, tuple[Skeleton, ...]] = {
    "0": ((_ring(0, 0, 1, 1),), (_ring(0.06, 0, 0.94, 1),)),
    "1": (
        (_open(0.5, 0, 0, 0.5, 1, 0),),
        (_open(0.12, 0.2, 0, 0.5, 0, 0, 0.5, 1, 0),),
        (_open(0.12, 0.2, 0, 0.5, 0, 0, 0.5, 1, 0), _open(0.1, 1, 0, 0.9, 1, 0)),
        (_open(0.2, 0, 0, 0.5, 0, 0, 0.5, 1, 0),),
    ),
    "2": (
        (_open(0, 0.26, 0, 0, 0, 1, 1, 0, 1, 1, 0.42, 1, 0, 1, 0, 1, 1, 0),),
        (_open(0, 0.24, 0, 0, 0, 1, 1, 0, 1, 1, 0.5, 1, 0, 0.62, 1, 0, 1, 0, 1, 1, 0),),
    ),
    "3": (
        (
            _open(0, 0.22, 0, 0, 0, 1, 1, 0, 1, 1, 0.46, 1, 0.4, 0.46, 0),
            _open(0.4, 0.46, 0, 1, 0.46, 1, 1, 1, 1, 0, 1, 1, 0, 0.78, 0),
        ),
        (_open(0, 0, 0, 1, 0, 0, 0.42, 0.42, 0, 1, 0.42, 1, 1, 1, 1, 0, 1, 1, 0, 0.78, 0),),
    ),
    "4": (
        (_open(0.74, 1, 0, 0.74, 0, 0, 0, 0.7, 0, 1.05, 0.7, 0),),
        (_open(0.8, 1, 0, 0.8, 0.3, 0), _open(0.5, 0, 0, 0, 0.7, 0, 1.05, 0.7, 0)),
        (_open(0.85, 1, 0, 0.85, 0, 0), _open(0.05, 0, 0, 0.05, 0.6, 0.3, 1, 0.6, 0)),
    ),
    "5": (
        (_open(0.95, 0, 0, 0.05, 0, 0, 0.02, 0.44, 0, 0.3, 0.38, 0.5, 1, 0.38, 1, 1, 1, 1, 0, 1, 1, 0, 0.76, 0),),
        (_open(0.95, 0, 0, 0.04, 0, 0, 0.04, 0.4, 0, 1, 0.4, 1, 1, 1, 1, 0, 1, 1, 0, 0.76, 0),),
    ),
    "6": ((_SIX,), (_open(0.72, 0, 0, 0, 0.56, 0.6, 0, 0.75, 0), _LOWER)),
    "7": ((_open(0, 0, 0, 1, 0, 0, 0.38, 1, 0),), (_open(0, 0, 0, 1, 0, 0, 1, 0.16, 0.4, 0.36, 1, 0),)),
    "8": ((_UPPER, _LOWER), (_ring(0, 0, 1, 0.48), _ring(0, 0.48, 1, 1))),
    "9": (
        (tuple((1 - x, 1 - y, r) for x, y, r in _SIX),),
        (_ring(0, 0, 1, 0.54), _open(1, 0.25, 0, 1, 0.44, 0.6, 0.28, 1, 0)),
    ),
    "A": (
        (_open(0, 1, 0, 0.5, 0, 0, 1, 1, 0), _open(0.17, 0.7, 0, 0.83, 0.7, 0)),
        (_open(0, 1, 0, 0.4, 0, 0, 0.6, 0, 0, 1, 1, 0), _open(0.14, 0.7, 0, 0.86, 0.7, 0)),
        (_open(0, 1, 0, 0, 0.3, 0.3, 0.4, 0, 0.4, 0.6, 0, 0.4, 1, 0.3, 0.3, 1, 1, 0), _open(0, 0.62, 0, 1, 0.62, 0)),
    ),
    "B": (
        (
            _open(0, 0, 0, 0.93, 0, 1, 0.93, 0.46, 1, 0, 0.46, 0),
            _open(0, 0.46, 0, 1, 0.46, 1, 1, 1, 1, 0, 1, 0),
            _STEM,
        ),
    ),
    "C": ((_open(1, 0.26, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0.74, 0),),),
    "D": (
        (_open(0.5, 0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0.5, 0, 0),),
        (_open(0.3, 0, 0, 0.7, 0, 0.6, 1, 0.25, 0.6, 1, 0.75, 0.6, 0.7, 1, 0.6, 0, 1, 0, 0, 0, 0, 0.3, 0, 0),),
    ),
    "E": ((_STEM, _open(0, 0, 0, 0.95, 0, 0), _open(0, 0.48, 0, 0.8, 0.48, 0), _open(0, 1, 0, 1, 1, 0)),),
    "F": ((_STEM, _open(0, 0, 0, 1, 0, 0), _open(0, 0.48, 0, 0.8, 0.48, 0)),),
    "G": (
        (_open(1, 0.26, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0.55, 0, 0.56, 0.55, 0),),
        (_open(1, 0.26, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 0.6, 1, 0.55, 0, 0.5, 0.55, 0), _open(1, 0.6, 0, 1, 1, 0)),
    ),
    "H": ((_STEM, _open(1, 0, 0, 1, 1, 0), _open(0, 0.48, 0, 1, 0.48, 0)),),
    "I": (
        (_open(0.5, 0, 0, 0.5, 1, 0),),
        (_open(0.5, 0, 0, 0.5, 1, 0), _open(0.2, 0, 0, 0.8, 0, 0), _open(0.2, 1, 0, 0.8, 1, 0)),
    ),
    "J": (
        (_open(1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0.7, 0),),
        (_open(0.4, 0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0.7, 0),),
    ),
    "K": (
        (_STEM, _open(1, 0, 0, 0, 0.62, 0), _open(0.34, 0.42, 0, 1, 1, 0)),
        (_STEM, _open(1, 0, 0, 0.1, 0.5, 0, 1, 1, 0)),
    ),
    "L": ((_open(0, 0, 0, 0, 1, 0, 1, 1, 0),),),
    "M": (
        (_open(0, 1, 0, 0, 0, 0, 0.5, 0.62, 0, 1, 0, 0, 1, 1, 0),),
        (_open(0, 1, 0, 0, 0, 0, 0.5, 1, 0, 1, 0, 0, 1, 1, 0),),
        (_open(0, 1, 0, 0, 0, 0, 0.5, 0.4, 0, 1, 0, 0, 1, 1, 0),),
    ),
    "N": ((_open(0, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0),),),
    "O": ((_ring(0, 0, 1, 1),),),
    "P": ((_STEM, _open(0, 0, 0, 1, 0, 1, 1, 0.52, 1, 0, 0.52, 0)),),
    "Q": (
        (_ring(0, 0, 1, 1), _open(0.55, 0.72, 0, 1.05, 1.06, 0)),
        (_ring(0, 0, 1, 0.96), _open(0.5, 0.85, 0, 0.6, 1.1, 0)),
    ),
    "R": (
        (_STEM, _open(0, 0, 0, 0.97, 0, 1, 0.97, 0.5, 1, 0, 0.5, 0), _open(0.48, 0.5, 0, 1, 1, 0)),
        (_STEM, _open(0, 0, 0, 1, 0, 1, 1, 0.48, 1, 0, 0.48, 0), _open(0.5, 0.48, 0, 1, 0.56, 0.6, 1, 1, 0)),
    ),
    "S": ((_open(1, 0.24, 0, 1, 0, 1, 0, 0, 1, 0, 0.47, 1, 1, 0.47, 1, 1, 1, 1, 0, 1, 1, 0, 0.76, 0),),),
    "T": ((_open(0, 0, 0, 1, 0, 0), _open(0.5, 0, 0, 0.5, 1, 0)),),
    "U": ((_open(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0),),),
    "V": ((_open(0, 0, 0, 0.5, 1, 0, 1, 0, 0),), (_open(0, 0, 0, 0.42, 1, 0, 0.58, 1, 0, 1, 0, 0),)),
    "W": (
        (_open(0, 0, 0, 0.26, 1, 0, 0.5, 0.3, 0, 0.74, 1, 0, 1, 0, 0),),
        (_open(0, 0, 0, 0.1, 1, 0, 0.5, 0.45, 0, 0.9, 1, 0, 1, 0, 0),),
    ),
    "X": ((_open(0, 0, 0, 1, 1, 0), _open(1, 0, 0, 0, 1, 0)),),
    "Y": (
        (_open(0, 0, 0, 0.5, 0.5, 0, 1, 0, 0), _open(0.5, 0.5, 0, 0.5, 1, 0)),
        (_open(0, 0, 0, 0, 0.45, 0.5, 1, 0.45, 0.5, 1, 0, 0), _open(0.5, 0.45, 0, 0.5, 1, 0)),
    ),
    "Z": ((_open(0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0),),),
}
"""The ways in which each character is drawn on plates."""

_NARROW: Mapping[str, float] = {"1": 0.6, "I": 0.6, "J": 0.9, "L": 0.92}
_WIDE: Mapping[str, float] = {"M": 1.15, "W": 1.2, "N": 1.04}


@dataclass(frozen=True, slots=True)
class Die:
    """One face."""

    width: float
    """Of an ordinary character from edge to edge, as a share of its height."""
    weight: float
    """Of a stroke, as a share of the height."""
    roundness: float
    """Of corners: the radius as a share of the width, 0..0.5."""
    even: float
    """How far narrow and wide characters get the ordinary width, 0..1."""
    shapes: Mapping[str, int]
    """Which of SHAPES each character takes."""

    def draw(self, character: str, height: int) -> Mask:
        """The character alone, cut tight. `height` in pixels."""
        tall = height * _OVERSAMPLED
        usual = _NARROW.get(character, _WIDE.get(character, 1.0))
        across = tall * self.width * (usual + (1 - usual) * self.even)
        thick = max(tall * self.weight, 1.0)
        wide = max(across - thick, 1.0)
        skeleton = SHAPES[character][self.shapes[character]]
        pad = round(tall * 0.15 + thick)
        canvas = np.zeros((tall + 2 * pad, round(across) + 2 * pad), np.uint8)
        for stroke in skeleton:
            scaled = [(x * wide, y * (tall - thick), r) for x, y, r in stroke]
            points = np.array(rounded(scaled, self.roundness * wide)) + pad + thick / 2
            fixed = np.round(points * 16).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(canvas, [fixed], False, 255, max(round(thick), 1), cv2.LINE_AA, shift=4)
        columns = np.flatnonzero(canvas.any(axis=0))
        cut = canvas[pad - _OVERSAMPLED : pad + tall + round(tall * 0.1), columns[0] : columns[-1] + 1]
        size = (max(cut.shape[1] // _OVERSAMPLED, 1), max(cut.shape[0] // _OVERSAMPLED, 1))
        return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)


def die(random: np.random.Generator) -> Die:
    """A face out of the range of those on real plates."""
    return Die(
        width=float(random.uniform(0.38, 0.62)),
        weight=float(random.uniform(0.1, 0.19)),
        roundness=float(random.choice([0.12, 0.25, 0.36, 0.48]) * random.uniform(0.8, 1.04)),
        even=float(random.choice([0.0, 0.5, 1.0])),
        shapes={character: int(random.integers(len(ways))) for character, ways in SHAPES.items()},
    )


def rounded(points: Sequence[Point], radius: float) -> list[tuple[float, float]]:
    """The polyline with an arc (quadratic) in place of each corner, of `radius` at most, in the points' own unit."""
    found: list[tuple[float, float]] = []
    last = len(points) - 1
    for place, (x, y, round_) in enumerate(points):
        if place in (0, last) or round_ == 0:
            found.append((x, y))
            continue
        before, after = points[place - 1], points[place + 1]
        enter = _towards((x, y), before, radius * round_, half=before[2] > 0)
        leave = _towards((x, y), after, radius * round_, half=after[2] > 0)
        for step in range(_ARC_STEPS + 1):
            t = step / _ARC_STEPS
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t**2
            found.append((a * enter[0] + b * x + c * leave[0], a * enter[1] + b * y + c * leave[1]))
    return found


def _towards(corner: tuple[float, float], other: Point, radius: float, *, half: bool) -> tuple[float, float]:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = math.hypot(dx, dy) or 1.0
    reach = min(radius * 1.6, length * (0.5 if half else 1.0))
    return corner[0] + dx / length * reach, corner[1] + dy / length * reach
