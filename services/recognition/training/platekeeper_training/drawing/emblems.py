"""Pictures on plates that are no letters: animals, badges, flowers, riders, the outline of a state, a wheelchair.

What they have in common is drawn, not one of them: shapes over each other, discs with a rim, dark outlines with limbs,
a piece of a photograph, a logo of letters in another face, a heart; and the art of real plates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from platekeeper_training.drawing import art, faces
from platekeeper_training.drawing.art import Art
from platekeeper_training.drawing.designs import LETTERS
from platekeeper_training.drawing.paint import Floats, Fonts, Picture, Place, any_of, fit, lay, opposite, put

_KINDS = {
    "shapes": 0.2,
    "badge": 0.16,
    "outline": 0.2,
    "scrap": 0.1,
    "art": 0.18,
    "logo": 0.08,
    "symbol": 0.05,
    "wheelchair": 0.03,
}
"""How often each is drawn."""
_HEART = [(0.5, 0.3), (0.62, 0.14), (0.8, 0.1), (0.97, 0.25), (0.95, 0.48), (0.5, 0.95)]
_STAR = [(0.5, 0.0), (0.62, 0.36), (1.0, 0.38), (0.7, 0.6), (0.8, 0.97), (0.5, 0.76)]
_PLUS = [(0.5, 0.05), (0.65, 0.05), (0.65, 0.35), (0.95, 0.35), (0.95, 0.65), (0.65, 0.65), (0.65, 0.95), (0.5, 0.95)]
"""The right half of each, across and down; the left one is its mirror image."""


@dataclass(frozen=True, slots=True)
class Scraps:
    """What emblems are cut from."""

    photographs: Sequence[Picture] = ()
    art: Sequence[Art] = ()


def emblem(picture: Floats, place: Place, fonts: Fonts, random: Generator, scraps: Scraps) -> None:
    """One picture of any kind."""
    kind = random.choice(list(_KINDS), p=list(_KINDS.values()))
    if kind == "badge":
        _badge(picture, place, fonts, random)
    elif kind == "outline":
        _outline(picture, place, random)
    elif kind == "scrap" and scraps.photographs:
        _scrap(picture, place, any_of(scraps.photographs, random), random)
    elif kind == "art" and scraps.art:
        art.put(picture, any_of(scraps.art, random), place, random)
    elif kind == "symbol":
        _symbol(picture, place, random)
    elif kind == "logo":
        _logo(picture, place, fonts, random)
    elif kind == "wheelchair":
        wheelchair(picture, place, _colour(random), random)
    else:
        _shapes(picture, place, random)


def wheelchair(picture: Floats, place: Place, ink: Sequence[float], random: Generator) -> None:
    """Head, back, seat and wheel, on a square or bare, in that ink or in blue."""
    left, top, across, down = place
    unit = min(across, down) * random.uniform(0.75, 1.0)
    x, y = left + (across - unit) / 2, top + (down - unit) / 2
    if random.random() < 0.5:
        ink = (160.0, 70.0, 30.0)
    if random.random() < 0.35:
        cv2.rectangle(picture, (int(left), int(top)), (int(left + across), int(top + down)), ink, -1)
        ink = (240.0, 240.0, 240.0)
    thick = max(int(unit * random.uniform(0.06, 0.14)), 1)
    cv2.circle(picture, (int(x + unit * 0.35), int(y + unit * 0.1)), max(int(unit * 0.1), 1), ink, -1, cv2.LINE_AA)
    bones = np.array([(0.35, 0.22), (0.38, 0.62), (0.72, 0.62), (0.85, 0.98)]) * unit + (x, y)
    cv2.polylines(picture, [bones.astype(np.int32)], False, ink, thick, cv2.LINE_AA)
    wheel = (int(x + unit * 0.38), int(y + unit * 0.75))
    cv2.ellipse(picture, wheel, (int(unit * 0.3), int(unit * 0.3)), 0, 20, 260, ink, thick, cv2.LINE_AA)


def _shapes(picture: Floats, place: Place, random: Generator) -> None:
    """Patches over each other."""
    centre, size = _middle(place)
    radius = float(min(size)) / 2
    for _ in range(int(random.integers(1, 8))):
        around = centre + random.normal(0, 0.2, 2) * size
        corners = around + random.normal(0, radius * random.uniform(0.2, 0.7), (int(random.integers(3, 12)), 2))
        points = corners.astype(np.int32)
        filled = points if random.random() < 0.4 else cv2.convexHull(points)
        cv2.fillPoly(picture, [filled], _colour(random), cv2.LINE_AA)


def _badge(picture: Floats, place: Place, fonts: Fonts, random: Generator) -> None:
    """A disc or a shield with a rim, and something within."""
    centre, size = _middle(place)
    middle, radius = (int(centre[0]), int(centre[1])), float(min(size)) / 2 * random.uniform(0.85, 1.15)
    axes = (int(radius * random.uniform(0.75, 1.1)), int(radius))
    cv2.ellipse(picture, middle, axes, 0, 0, 360, _colour(random), -1, cv2.LINE_AA)
    rim = max(int(radius * random.uniform(0.06, 0.2)), 1)
    inner = (max(axes[0] - rim, 1), max(axes[1] - rim, 1))
    cv2.ellipse(picture, middle, inner, 0, 0, 360, _colour(random), rim, cv2.LINE_AA)
    within = (centre[0] - radius * 0.55, centre[1] - radius * 0.55, radius * 1.1, radius * 1.1)
    if random.random() < 0.35:
        _logo(picture, within, fonts, random)
    else:
        _shapes(picture, within, random)


def _outline(picture: Floats, place: Place, random: Generator) -> None:
    """One dark or bright body with limbs: an animal, a rider, a tree, a tower."""
    centre, size = _middle(place)
    colour = tuple(float(part) for part in random.uniform(0, 60, 3)) if random.random() < 0.6 else _colour(random)
    body = centre + random.normal(0, 0.16, (int(random.integers(5, 9)), 2)) * size
    cv2.fillPoly(picture, [cv2.convexHull(body.astype(np.int32))], colour, cv2.LINE_AA)
    for _ in range(int(random.integers(2, 7))):
        limb = [centre + random.normal(0, 0.12, 2) * size]
        for _ in range(int(random.integers(2, 4))):
            limb.append(limb[-1] + random.normal(0, 0.2, 2) * size)
        thick = max(int(min(size) * random.uniform(0.04, 0.16)), 1)
        cv2.polylines(picture, [np.array(limb).astype(np.int32)], False, colour, thick, cv2.LINE_AA)


def _scrap(picture: Floats, place: Place, scrap: Picture, random: Generator) -> None:
    """A piece of a photograph within a soft outline."""
    height, width = picture.shape[:2]
    left, top, across, down = (int(side) for side in place)
    left, top = max(left, 0), max(top, 0)
    across, down = min(across, width - left), min(down, height - top)
    if across < 4 or down < 4:
        return
    x, y = int(random.integers(max(scrap.shape[1] - 90, 1))), int(random.integers(max(scrap.shape[0] - 90, 1)))
    piece = cv2.resize(scrap[y : y + 90, x : x + 90], (across, down), interpolation=cv2.INTER_AREA).astype(np.float32)
    piece = (piece - piece.mean()) * random.uniform(1, 2.5) + random.uniform(60, 200) + random.normal(0, 40, 3)
    cover = np.zeros((down, across), np.float32)
    corners = np.array([across / 2, down / 2]) + random.normal(0, 0.3, (9, 2)) * (across, down)
    cv2.fillPoly(cover, [cv2.convexHull(corners.astype(np.int32))], 1.0, cv2.LINE_AA)
    lay(picture, np.clip(piece, 0, 255), cover, left, top)


def _logo(picture: Floats, place: Place, fonts: Fonts, random: Generator) -> None:
    """One to four letters of another face, often with an edge."""
    left, top, across, down = place
    letters = "".join(LETTERS[int(random.integers(26))] for _ in range(int(random.integers(1, 5))))
    mask = faces.lettering(letters, any_of(fonts.lettering, random), max(int(down * random.uniform(0.3, 0.7)), 4))
    mask = fit(mask, max(int(across), 2))
    colour = np.array(_colour(random))
    x, y = int(left + (across - mask.shape[1]) / 2), int(top + (down - mask.shape[0]) / 2)
    if random.random() < 0.5:
        thick = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)
        put(picture, thick, x, y, opposite(colour))
    put(picture, mask, x, y, tuple(colour))


def _symbol(picture: Floats, place: Place, random: Generator) -> None:
    """A heart, a star or a plus, as plates for children bear between their characters."""
    half = np.array((_HEART, _STAR, _PLUS)[int(random.integers(3))])
    whole = np.concatenate([half, half[::-1] * (-1, 1) + (1, 0)])
    centre, size = _middle(place)
    points = centre + (whole - 0.5) * min(size) * random.uniform(0.85, 1.1)
    ink = tuple(float(part) for part in random.uniform(0, 70, 3)) if random.random() < 0.6 else _colour(random)
    if random.random() < 0.7:
        cv2.fillPoly(picture, [points.astype(np.int32)], ink, cv2.LINE_AA)
    else:
        cv2.polylines(picture, [points.astype(np.int32)], True, ink, max(int(min(size) * 0.08), 1), cv2.LINE_AA)


def _middle(place: Place) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    size = np.array(place[2:], np.float64)
    return np.array(place[:2], np.float64) + size / 2, size


def _colour(random: Generator) -> tuple[float, ...]:
    return tuple(float(part) for part in random.uniform(0, 255, 3))
