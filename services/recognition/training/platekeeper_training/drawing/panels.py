"""What stands beside the serial of American plates and is not read: emblems, pictograms, small stacked letters."""

import cv2
import numpy as np
from numpy.random import Generator

from platekeeper_training.drawing import faces
from platekeeper_training.drawing.designs import Colour
from platekeeper_training.drawing.paint import Floats, Fonts, any_of, put

_TOP, _DOWN = 0.28, 0.46
"""Where the serial begins and how high it is, in heights of the plate."""


def panel(picture: Floats, fonts: Fonts, ink: Colour, random: Generator) -> tuple[float, float]:
    """An emblem or a pictogram, stacked letters, or both; what share of the width they take at the left and right."""
    height, width = picture.shape[:2]
    at_left = random.random() < 0.65
    kind = random.choice(["emblem", "pictogram", "stacked", "both"], p=[0.35, 0.15, 0.3, 0.2])
    taken = 0.02
    if kind != "stacked":
        share = random.uniform(0.12, 0.26) if kind != "pictogram" else random.uniform(0.1, 0.15)
        left = taken if at_left else 1 - taken - share
        draw = _pictogram if kind == "pictogram" else _emblem
        draw(picture, (left * width, _TOP * height), (share * width, _DOWN * height), random)
        taken += share
    if kind in ("stacked", "both"):
        share = random.uniform(0.06, 0.1)
        _stacked(picture, fonts, ink, (taken if at_left else 1 - taken - share) * width, share * width, random)
        taken += share
    return (taken, 0.0) if at_left else (0.0, taken)


def _emblem(picture: Floats, place: tuple[float, float], size: tuple[float, float], random: Generator) -> None:
    """Shapes over each other, often in a disc: an animal, a badge, a flower."""
    centre = np.array(place) + np.array(size) / 2
    radius = float(min(size)) / 2 * random.uniform(0.8, 1.1)
    middle = (int(centre[0]), int(centre[1]))
    if random.random() < 0.45:
        cv2.circle(picture, middle, int(radius), _colour(random), -1, cv2.LINE_AA)
        cv2.circle(picture, middle, int(radius * 0.8), _colour(random), max(int(radius * 0.1), 1), cv2.LINE_AA)
    for _ in range(int(random.integers(1, 6))):
        around = centre + random.normal(0, 0.25, 2) * size
        corners = around + random.normal(0, radius * random.uniform(0.2, 0.6), (int(random.integers(3, 10)), 2))
        points = corners.astype(np.int32)
        filled = points if random.random() < 0.5 else cv2.convexHull(points)
        cv2.fillPoly(picture, [filled], _colour(random), cv2.LINE_AA)


def _pictogram(picture: Floats, place: tuple[float, float], size: tuple[float, float], random: Generator) -> None:
    """A wheelchair: head, back, seat and wheel, on a square or bare."""
    left, top, across, down = *place, *size
    x, y, unit = left + across * 0.15, top + down * 0.08, min(across, down) * 0.8
    ink: tuple[float, ...] = (
        float(random.uniform(120, 200)),
        float(random.uniform(40, 100)),
        float(random.uniform(0, 60)),
    )
    if random.random() < 0.5:
        cv2.rectangle(picture, (int(left), int(top)), (int(left + across), int(top + down)), ink, -1)
        ink = (240.0, 240.0, 240.0)
    thick = max(int(unit * random.uniform(0.08, 0.14)), 1)
    cv2.circle(picture, (int(x + unit * 0.35), int(y + unit * 0.1)), max(int(unit * 0.1), 1), ink, -1, cv2.LINE_AA)
    bones = np.array([(0.35, 0.22), (0.38, 0.62), (0.72, 0.62), (0.85, 0.98)]) * unit + (x, y)
    cv2.polylines(picture, [bones.astype(np.int32)], False, ink, thick, cv2.LINE_AA)
    wheel = (int(x + unit * 0.38), int(y + unit * 0.75))
    cv2.ellipse(picture, wheel, (int(unit * 0.3), int(unit * 0.3)), 0, 20, 260, ink, thick, cv2.LINE_AA)


def _stacked(picture: Floats, fonts: Fonts, ink: Colour, left: float, across: float, random: Generator) -> None:
    """Two or three small letters over each other: the kind of plate."""
    height = picture.shape[0]
    letters = [chr(ord("A") + int(random.integers(26))) for _ in range(int(random.integers(2, 4)))]
    tall = int(height * _DOWN / len(letters))
    font = any_of(fonts.serial, random)
    for place, letter in enumerate(letters):
        mask = faces.lettering(letter, font, max(tall - 3, 4))
        if mask.shape[1] > across:
            mask = np.asarray(cv2.resize(mask, (max(int(across), 2), mask.shape[0]), interpolation=cv2.INTER_AREA))
        put(picture, mask, int(left + (across - mask.shape[1]) / 2), int(height * _TOP) + place * tall, ink)


def _colour(random: Generator) -> tuple[float, ...]:
    return tuple(float(part) for part in random.uniform(0, 255, 3))
