"""A plate seen from straight ahead in good light: background, name, stickers, frame, and the serial pressed into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from platekeeper_training.drawing import dies, faces
from platekeeper_training.drawing.designs import SEPARATORS, Colour, Design
from platekeeper_training.drawing.dies import Die, Mask
from platekeeper_training.drawing.faces import Face

Picture = NDArray[np.uint8]
"""Height x width x 3: blue, green, red."""

HEIGHT = 84
"""Pixels of a flat plate."""
_AMERICAN, _EUROPEAN, _BRAZILIAN, _SQUARE = 2.0, 4.6, 3.08, 1.35
"""Width by height."""


@dataclass(frozen=True, slots=True)
class Fonts:
    """The fonts at hand."""

    serial: tuple[Path, ...]
    lettering: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path) -> "Fonts":
        """Those of `faces`, in `folder`."""
        return cls(faces.files(folder, faces.SERIAL), faces.files(folder, faces.LETTERING))


@dataclass(frozen=True, slots=True)
class Flat:
    """A plate and what it says."""

    picture: Picture
    text: str
    """A-Z and 0-9: the serial without separators and small stacked letters."""
    region: str


def draw(design: Design, fonts: Fonts, random: Generator, blank: Picture | None = None) -> Flat:
    """One plate. `blank`: a real plate without a serial to draw on."""
    serial = design.serial(random)
    rows = _rows(design, serial, random)
    height, width = HEIGHT, round(HEIGHT * _proportion(design, len(rows)))
    background, ink = design.colours[int(random.integers(len(design.colours)))]
    background, ink = _varied(background, random, 18), _varied(ink, random, 22)
    if blank is not None:
        picture = cv2.resize(blank, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    else:
        picture = _ground(height, width, background, random, plain=not design.american)
        _write_around(picture, design, fonts, ink, random)
    left, right = _strips(picture, design, fonts, random) if len(rows) == 1 else (0.0, 0.0)
    if design.american and random.random() < 0.7:
        _stickers(picture, fonts, random)
    _press_rows(picture, rows, design, fonts, ink, random, room=(left, right))
    _holes(picture, random)
    if random.random() < (0.4 if design.american else 0.25):
        _frame(picture, fonts, random)
    text = "".join(sign for sign in serial if sign not in SEPARATORS)
    return Flat(np.clip(picture, 0, 255).astype(np.uint8), text, design.region)


def _rows(design: Design, serial: str, random: Generator) -> tuple[str, ...]:
    """The serial in one row, or in two on a plate that is nearly square."""
    cuts = [place for place, sign in enumerate(serial) if sign in SEPARATORS]
    if design.american or not cuts or random.random() > 0.14:
        return (serial,)
    cut = min(cuts, key=lambda place: abs(place - len(serial) / 2))
    return serial[:cut].strip(SEPARATORS), serial[cut + 1 :].strip(SEPARATORS)


def _proportion(design: Design, rows: int) -> float:
    if rows == 2:
        return _SQUARE
    if design.american:
        return _AMERICAN
    return _EUROPEAN if design.region.startswith("eu") else _BRAZILIAN


def _varied(colour: Colour, random: Generator, by: float) -> Colour:
    blue, green, red = np.clip(np.array(colour) + random.normal(0, by, 3) * 0.5 + random.normal(0, by * 0.5), 0, 255)
    return int(blue), int(green), int(red)


def _ground(height: int, width: int, colour: Colour, random: Generator, *, plain: bool) -> NDArray[np.float32]:
    """The background: even, or on American plates fading, banded or with some scenery."""
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = colour
    if plain:
        return picture
    if random.random() < 0.5:
        other = np.array(_varied(colour, random, 90), np.float32)
        share = np.linspace(-0.4, 1, height, dtype=np.float32).clip(0, 1)[:, None, None] * random.uniform(0.3, 0.8)
        share = share[::-1] if random.random() < 0.5 else share
        picture += (other - picture) * share
    for band in (slice(0, int(height * random.uniform(0.15, 0.26))), slice(int(height * random.uniform(0.78, 0.86)), height)):
        if random.random() < 0.2:
            picture[band] = random.uniform(0, 255, 3)
    if random.random() < 0.35:
        _scenery(picture, random)
    return picture


def _scenery(picture: NDArray[np.float32], random: Generator) -> None:
    height, width = picture.shape[:2]
    drawn = picture.copy()
    for _ in range(int(random.integers(1, 6))):
        middle = random.uniform((0, 0.1 * height), (width, height))
        corners = middle + random.normal(0, height * random.uniform(0.08, 0.3), (int(random.integers(3, 9)), 2))
        colour = tuple(float(part) for part in random.uniform(20, 255, 3))
        cv2.fillPoly(drawn, [cv2.convexHull(corners.astype(np.int32))], colour, cv2.LINE_AA)
    share = random.uniform(0.1, 0.45)
    picture += (drawn - picture) * share


def _write_around(
    picture: NDArray[np.float32], design: Design, fonts: Fonts, ink: Colour, random: Generator
) -> None:
    """The name above and what is written below."""
    height, width = picture.shape[:2]
    american = design.american
    for texts, middle in ((design.above, 0.115 if american else 0.12), (design.below, 0.9)):
        if not texts or random.random() < 0.08:
            continue
        text = texts[int(random.integers(len(texts)))]
        if not text:
            continue
        size = height * (random.uniform(0.09, 0.17) if middle < 0.5 and american else random.uniform(0.06, 0.11))
        mask = faces.lettering(text, _any(fonts.lettering, random), round(size))
        mask = _fit(mask, int(width * random.uniform(0.45, 0.8)))
        colour = ink if random.random() < 0.5 else _varied(ink, random, 120)
        top = int(height * (middle + random.uniform(-0.02, 0.02)) - mask.shape[0] / 2)
        _ink(picture, mask, (width - mask.shape[1]) // 2 + int(random.normal(0, width * 0.02)), top, colour)


def _strips(picture: NDArray[np.float32], design: Design, fonts: Fonts, random: Generator) -> tuple[float, float]:
    """Blue strips; returns what share of the width they take at the left and at the right."""
    height, width = picture.shape[:2]
    blue = _varied((150, 60, 10), random, 40)
    if design.strip == "above":
        band = int(height * random.uniform(0.2, 0.28))
        picture[:band] = blue
        mask = faces.lettering(design.above[0], _any(fonts.lettering, random), max(int(band * 0.5), 4))
        mask = _fit(mask, int(width * 0.7))
        _ink(picture, mask, (width - mask.shape[1]) // 2, (band - mask.shape[0]) // 2, (240, 240, 240))
        return 0.0, 0.0
    if design.strip == "none" or random.random() < 0.2:
        return 0.0, 0.0
    across = height * random.uniform(0.36, 0.46)
    sides = ("left", "right") if design.strip == "both" and random.random() < 0.8 else ("left",)
    for side in sides:
        start = 0 if side == "left" else int(width - across)
        picture[:, start : start + int(across)] = blue
        if side == "left":
            letters = design.region.removeprefix("eu-").upper()[: int(random.integers(1, 3))]
            mask = faces.lettering(letters, _any(fonts.lettering, random), round(height * 0.2))
            _ink(picture, mask, start + int((across - mask.shape[1]) / 2), int(height * 0.68), (240, 240, 240))
            centre = (start + int(across / 2), int(height * 0.34))
            cv2.circle(picture, centre, int(height * 0.12), (30.0, 200.0, 240.0), 2, cv2.LINE_AA)
    share = float(across / width)
    return share, share if len(sides) == 2 else 0.0


def _stickers(picture: NDArray[np.float32], fonts: Fonts, random: Generator) -> None:
    """Month and year in the corners."""
    height, width = picture.shape[:2]
    for left in (0.03, 0.85):
        for top in (0.04, 0.84):
            if random.random() > (0.55 if top < 0.5 else 0.2):
                continue
            across, down = int(width * random.uniform(0.08, 0.13)), int(height * random.uniform(0.11, 0.16))
            x, y = int(width * (left + random.normal(0, 0.01))), int(height * (top + random.normal(0, 0.01)))
            x, y = max(x, 0), max(y, 0)
            ground = random.uniform(0, 255, 3)
            picture[y : y + down, x : x + across] = ground
            text = str(random.choice(["JAN", "MAR", "MAY", "JUN", "AUG", "SEP", "OCT", "DEC", "09", "11", "5", "2013"]))
            mask = _fit(faces.lettering(text, _any(fonts.lettering, random), max(int(down * 0.6), 4)), across)
            _ink(picture, mask, x + (across - mask.shape[1]) // 2, y + int(down * 0.2), _opposite(ground))


def _press_rows(
    picture: NDArray[np.float32],
    rows: Sequence[str],
    design: Design,
    fonts: Fonts,
    ink: Colour,
    random: Generator,
    *,
    room: tuple[float, float],
) -> None:
    """The serial, in one or two rows, with the light and shade of what is embossed."""
    height, width = picture.shape[:2]
    face = _face(design, fonts, random)
    if len(rows) == 2:
        tall, middles = 0.36, (0.29, 0.73)
    elif design.american:
        tall, middles = random.uniform(0.4, 0.54), (random.uniform(0.49, 0.56),)
    elif design.strip == "above":
        tall, middles = random.uniform(0.5, 0.6), (0.63,)
    else:
        tall, middles = random.uniform(0.6, 0.76), (0.5 if design.region.startswith("eu") else 0.58,)
    mask = np.zeros((height, width), np.uint8)
    for row, middle in zip(rows, middles, strict=True):
        line, pictures = _line(row, face, round(height * tall), design, random)
        least, most = int(width * (room[0] + 0.03)), int(width * (0.97 - room[1]))
        widest = int((most - least) * (random.uniform(0.88, 1.0) if design.american else random.uniform(0.8, 0.98)))
        scale = min(1.0, widest / line.shape[1])
        if line.shape[1] < widest and random.random() < 0.6:
            scale = min(widest / line.shape[1], 1.35)
        size = (max(int(line.shape[1] * scale), 1), line.shape[0])
        line = np.asarray(cv2.resize(line, size, interpolation=cv2.INTER_AREA), np.uint8)
        left = least + int((most - least - line.shape[1]) * min(max(random.normal(0.5, 0.06), 0), 1))
        top = int(height * middle - line.shape[0] / 2)
        line = line[: height - max(top, 0)]
        mask[max(top, 0) : max(top, 0) + line.shape[0], left : left + line.shape[1]] = line[:, : width - left]
        for begin, across in pictures:
            _small_picture(picture, left + begin * scale, across * scale, height * middle, height * tall, random)
    if design.american and random.random() < 0.08:
        _stacked(picture, fonts, ink, random)
    _emboss(picture, mask, ink, random)


def _face(design: Design, fonts: Fonts, random: Generator) -> Die | Face:
    if random.random() < (0.75 if design.american else 0.35):
        return dies.die(random)
    return Face(_any(fonts.serial, random), float(random.uniform(0.82, 1.12)))


def _line(
    row: str, face: Die | Face, tall: int, design: Design, random: Generator
) -> tuple[Mask, list[tuple[float, float]]]:
    """The row as one mask, and where in it small pictures stand: from where, how wide."""
    apart = tall * random.uniform(0.06, 0.2)
    pieces: list[tuple[Mask, float]] = []
    pictures: list[tuple[float, float]] = []
    at = 0.0
    for sign in row:
        if sign in " *":
            across = tall * (random.uniform(0.15, 0.5) if sign == " " else random.uniform(0.3, 0.6))
            if sign == "*":
                pictures.append((at, across))
            at += across + apart * 0.5
            continue
        if sign in "-.":
            piece = _sign(sign, tall, random)
        else:
            piece = face.draw(sign, tall)
        pieces.append((piece, at))
        at += piece.shape[1] + apart
    line = np.zeros((max(piece.shape[0] for piece, _ in pieces), max(int(at) + 1, 1)), np.uint8)
    for piece, begin in pieces:
        start = int(begin)
        line[: piece.shape[0], start : start + piece.shape[1]] |= piece[:, : line.shape[1] - start]
    return line, pictures


def _sign(sign: str, tall: int, random: Generator) -> Mask:
    across = max(int(tall * (random.uniform(0.14, 0.3) if sign == "-" else random.uniform(0.08, 0.16))), 2)
    down = max(int(tall * 0.1), 2) if sign == "-" else across
    piece = np.zeros((tall, across), np.uint8)
    top = int(tall * random.uniform(0.42, 0.52))
    piece[top : top + down] = 255
    return piece


def _small_picture(
    picture: NDArray[np.float32], left: float, across: float, middle: float, tall: float, random: Generator
) -> None:
    """A bear, a tree, a state's outline: something of no letter's form in the middle of the serial."""
    corners = np.array([left + across / 2, middle]) + random.normal(0, 0.28, (int(random.integers(5, 12)), 2)) * (across, tall)
    colour = tuple(float(part) for part in random.uniform(0, 220, 3))
    points = corners.astype(np.int32)
    cv2.fillPoly(picture, [points if random.random() < 0.5 else cv2.convexHull(points)], colour, cv2.LINE_AA)


def _stacked(picture: NDArray[np.float32], fonts: Fonts, ink: Colour, random: Generator) -> None:
    """Small letters over each other at an end of the serial: the kind of plate, which is not read."""
    height, width = picture.shape[:2]
    letters = [chr(ord("A") + int(random.integers(26))) for _ in range(int(random.integers(2, 4)))]
    tall = int(height * 0.42 / len(letters))
    left = int(width * (0.02 if random.random() < 0.6 else 0.93))
    font = _any(fonts.serial, random)
    for place, letter in enumerate(letters):
        _ink(picture, faces.lettering(letter, font, max(tall - 3, 4)), left, int(height * 0.3) + place * tall, ink)


def _emboss(picture: NDArray[np.float32], mask: Mask, ink: Colour, random: Generator) -> None:
    """Ink on raised strokes, a light edge towards the light and a dark one away from it."""
    cover = mask.astype(np.float32)[..., None] / 255
    if random.random() < 0.3:
        cover *= random.uniform(0.7, 1.0)
    picture += (np.array(ink, np.float32) - picture) * cover
    if random.random() < 0.6:
        depth = random.uniform(10, 70)
        soft = cv2.GaussianBlur(mask, (0, 0), 1.2).astype(np.float32) / 255
        dx, dy = (int(step) for step in random.integers(-2, 3, 2))
        moved = np.roll(soft, (dy, dx), (0, 1))
        picture += (soft - moved)[..., None] * depth


def _holes(picture: NDArray[np.float32], random: Generator) -> None:
    height, width = picture.shape[:2]
    for x in (0.24, 0.76):
        for y in (0.07, 0.93):
            if random.random() < 0.4:
                shade = float(random.uniform(20, 220))
                centre = (int(width * (x + random.normal(0, 0.02))), int(height * y))
                cv2.circle(picture, centre, int(random.integers(2, 5)), (shade, shade, shade), -1, cv2.LINE_AA)


def _frame(picture: NDArray[np.float32], fonts: Fonts, random: Generator) -> None:
    """A dealer's frame: it covers the rim, often with the name and slogan."""
    height, width = picture.shape[:2]
    colour = float(random.choice([25, 60, 180, 215])) + random.normal(0, 10, 3)
    top, bottom = (int(height * random.uniform(0.02, 0.17)) for _ in range(2))
    side = int(height * random.uniform(0.02, 0.07))
    picture[:top], picture[height - bottom :] = colour, colour
    picture[:, :side], picture[:, width - side :] = colour, colour
    for y, down in ((0, top), (height - bottom, bottom)):
        if down > 8 and random.random() < 0.6:
            letters = "".join(chr(ord("A") + int(random.integers(26))) for _ in range(int(random.integers(4, 14))))
            mask = _fit(faces.lettering(letters, _any(fonts.lettering, random), int(down * 0.6)), int(width * 0.8))
            _ink(picture, mask, (width - mask.shape[1]) // 2, y + int(down * 0.2), _opposite(colour))


def _ink(picture: NDArray[np.float32], mask: Mask, left: int, top: int, colour: Sequence[float]) -> None:
    """Put the mask's ink there; what lies outside is cut off."""
    height, width = picture.shape[:2]
    x, y = max(left, 0), max(top, 0)
    part = mask[y - top : height - top, x - left : width - left]
    if part.size == 0:
        return
    place = picture[y : y + part.shape[0], x : x + part.shape[1]]
    place += (np.array(colour, np.float32) - place) * (part.astype(np.float32)[..., None] / 255)


def _fit(mask: Mask, widest: int) -> Mask:
    if mask.shape[1] <= widest:
        return mask
    size = (max(widest, 1), max(int(mask.shape[0] * widest / mask.shape[1]), 3))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def _opposite(colour: NDArray[np.float64]) -> tuple[float, float, float]:
    shade = 20.0 if float(colour.mean()) > 128 else 235.0
    return shade, shade, shade


def _any(paths: Sequence[Path], random: Generator) -> Path:
    return paths[int(random.integers(len(paths)))]
