"""A plate seen from straight ahead in good light: background, name, stickers, frame, and the serial pressed into it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from platekeeper_training.drawing import art, dies
from platekeeper_training.drawing.art import Blank
from platekeeper_training.drawing.designs import SEPARATORS, Colour, Design, special
from platekeeper_training.drawing.dies import Die, Mask
from platekeeper_training.drawing.emblems import Scraps, emblem
from platekeeper_training.drawing.faces import Face
from platekeeper_training.drawing.grounds import frame, ground, holes, stickers, strips, write_around
from platekeeper_training.drawing.paint import Floats, Fonts, Picture, Place, any_of, varied
from platekeeper_training.drawing.panels import panel

HEIGHT = 84
"""Pixels of a flat plate."""
_AMERICAN, _EUROPEAN, _BRAZILIAN, _SQUARE = 2.0, 4.6, 3.08, 1.35
"""Width by height."""
_PANELLED = 0.25
"""Of American plates: those with an emblem or small letters beside the serial. Fewer hang on cars; they are harder."""
_SPECIAL = 0.6
"""Of those: the ones with a short serial of their own."""
_BESIDE = 0.8
"""Of real plates with art at their left: those whose serial leaves it free."""
_OWN = 0.6
"""Of pictures between characters: those that the state paints there, where they are at hand."""
_NO_SCRAPS = Scraps()


@dataclass(frozen=True, slots=True)
class Flat:
    """A plate and what it says."""

    picture: Picture
    text: str
    """A-Z and 0-9: the serial without separators and small stacked letters."""
    region: str


def draw(
    design: Design,
    fonts: Fonts,
    random: Generator,
    blank: Blank | None = None,
    scraps: Scraps = _NO_SCRAPS,
) -> Flat:
    """One plate. `blank`: a real plate without a serial to draw on."""
    panelled = design.american and random.random() < _PANELLED
    serial = special(random) if panelled and random.random() < _SPECIAL else design.serial(random)
    face = _face(design, fonts, random)
    rows = _rows(design, serial, random)
    height, width = HEIGHT, round(HEIGHT * _proportion(design, len(rows)))
    background, ink = design.colours[int(random.integers(len(design.colours)))]
    background, ink = varied(background, random, 18), varied(ink, random, 22)
    if blank is not None:
        picture = cv2.resize(blank.picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    else:
        picture = ground(height, width, background, random, plain=not design.american)
        write_around(picture, design, fonts, ink, random)
    left, right = strips(picture, design, fonts, random) if len(rows) == 1 else (0.0, 0.0)
    if blank is not None and blank.taken and random.random() < _BESIDE:
        left = blank.taken
    elif panelled:
        left, right = panel(picture, face, fonts, ink, random, scraps)
    if design.american and random.random() < 0.7:
        stickers(picture, fonts, random)
    mask, pictures = _rows_pressed(picture, rows, design, face, random, room=(left, right))
    own = [piece for piece in scraps.art if piece.region == design.region]
    for place in pictures:
        if own and random.random() < _OWN:
            art.put(picture, any_of(own, random), place, random)
        else:
            emblem(picture, place, fonts, random, scraps)
    _emboss(picture, mask, ink, random)
    holes(picture, random)
    if random.random() < (0.4 if design.american else 0.25):
        frame(picture, fonts, random)
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


def _rows_pressed(
    picture: Floats,
    rows: Sequence[str],
    design: Design,
    face: Die | Face,
    random: Generator,
    *,
    room: tuple[float, float],
) -> tuple[Mask, list[Place]]:
    """The serial, in one or two rows, as a mask over the whole plate, and where pictures stand in it."""
    height, width = picture.shape[:2]
    if len(rows) == 2:
        tall, middles = 0.36, (0.29, 0.73)
    elif design.american:
        tall, middles = random.uniform(0.4, 0.54), (random.uniform(0.49, 0.56),)
    elif design.strip == "above":
        tall, middles = random.uniform(0.5, 0.6), (0.63,)
    else:
        tall, middles = random.uniform(0.6, 0.76), (0.5 if design.region.startswith("eu") else 0.58,)
    mask = np.zeros((height, width), np.uint8)
    places: list[Place] = []
    for row, middle in zip(rows, middles, strict=True):
        line, pictures = _line(row, face, round(height * tall), random)
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
            down = height * tall * random.uniform(0.8, 1.7)
            places.append((left + begin * scale, height * middle - down / 2, across * scale, down))
    return mask, places


def _face(design: Design, fonts: Fonts, random: Generator) -> Die | Face:
    if random.random() < (0.75 if design.american else 0.35):
        return dies.die(random)
    return Face(any_of(fonts.serial, random), float(random.uniform(0.82, 1.12)))


def _line(row: str, face: Die | Face, tall: int, random: Generator) -> tuple[Mask, list[tuple[float, float]]]:
    """The row as one mask, and where in it small pictures stand: from where, how wide."""
    apart = tall * random.uniform(0.06, 0.2)
    pieces: list[tuple[Mask, float]] = []
    pictures: list[tuple[float, float]] = []
    at = 0.0
    for sign in row:
        if sign in " *":
            wide = random.random() < (0.25 if sign == " " else 0.5)
            most = 1.2 if sign == " " else 1.9
            across = tall * (random.uniform(0.5, most) if wide else random.uniform(0.15, 0.5))
            if sign == "*":
                across += tall * 0.15
                pictures.append((at, across))
            at += across * random.uniform(0.85, 1.0) + apart * 0.5
            continue
        piece = _sign(sign, tall, random) if sign in "-." else face.draw(sign, tall)
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


def _emboss(picture: Floats, mask: Mask, ink: Colour, random: Generator) -> None:
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
