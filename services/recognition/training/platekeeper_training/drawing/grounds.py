"""What a plate shows beside its serial: ground, name and slogan, strips, stickers, screws, a dealer's frame."""

import cv2
import numpy as np
from numpy.random import Generator

from platekeeper_training.drawing import faces
from platekeeper_training.drawing.designs import Colour, Design
from platekeeper_training.drawing.paint import Floats, Fonts, any_of, fit, opposite, put, varied


def ground(height: int, width: int, colour: Colour, random: Generator, *, plain: bool) -> Floats:
    """The background: even, or on American plates fading, banded or with some scenery."""
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = colour
    if plain:
        return picture
    if random.random() < 0.5:
        other = np.array(varied(colour, random, 90), np.float32)
        share = np.linspace(-0.4, 1, height, dtype=np.float32).clip(0, 1)[:, None, None] * random.uniform(0.3, 0.8)
        share = share[::-1] if random.random() < 0.5 else share
        picture += (other - picture) * share
    for band in (
        slice(0, int(height * random.uniform(0.15, 0.26))),
        slice(int(height * random.uniform(0.78, 0.86)), height),
    ):
        if random.random() < 0.2:
            picture[band] = random.uniform(0, 255, 3)
    if random.random() < 0.35:
        _scenery(picture, random)
    return picture


def _scenery(picture: Floats, random: Generator) -> None:
    """Hills, leaves, clouds: pale patches over each other."""
    height, width = picture.shape[:2]
    drawn = picture.copy()
    for _ in range(int(random.integers(1, 6))):
        middle = random.uniform((0, 0.1 * height), (width, height))
        corners = middle + random.normal(0, height * random.uniform(0.08, 0.3), (int(random.integers(3, 9)), 2))
        colour = tuple(float(part) for part in random.uniform(20, 255, 3))
        cv2.fillPoly(drawn, [cv2.convexHull(corners.astype(np.int32))], colour, cv2.LINE_AA)
    share = random.uniform(0.1, 0.45)
    picture += (drawn - picture) * share


def write_around(picture: Floats, design: Design, fonts: Fonts, ink: Colour, random: Generator) -> None:
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
        mask = faces.lettering(text, any_of(fonts.lettering, random), round(size))
        mask = fit(mask, int(width * random.uniform(0.45, 0.8)))
        colour = ink if random.random() < 0.5 else varied(ink, random, 120)
        top = int(height * (middle + random.uniform(-0.02, 0.02)) - mask.shape[0] / 2)
        put(picture, mask, (width - mask.shape[1]) // 2 + int(random.normal(0, width * 0.02)), top, colour)


def strips(picture: Floats, design: Design, fonts: Fonts, random: Generator) -> tuple[float, float]:
    """Blue strips; returns what share of the width they take at the left and at the right."""
    height, width = picture.shape[:2]
    blue = varied((150, 60, 10), random, 40)
    if design.strip == "above":
        band = int(height * random.uniform(0.2, 0.28))
        picture[:band] = blue
        mask = faces.lettering(design.above[0], any_of(fonts.lettering, random), max(int(band * 0.5), 4))
        mask = fit(mask, int(width * 0.7))
        put(picture, mask, (width - mask.shape[1]) // 2, (band - mask.shape[0]) // 2, (240, 240, 240))
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
            mask = faces.lettering(letters, any_of(fonts.lettering, random), round(height * 0.2))
            put(picture, mask, start + int((across - mask.shape[1]) / 2), int(height * 0.68), (240, 240, 240))
            centre = (start + int(across / 2), int(height * 0.34))
            cv2.circle(picture, centre, int(height * 0.12), (30.0, 200.0, 240.0), 2, cv2.LINE_AA)
    share = float(across / width)
    return share, share if len(sides) == 2 else 0.0


def stickers(picture: Floats, fonts: Fonts, random: Generator) -> None:
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
            mask = fit(faces.lettering(text, any_of(fonts.lettering, random), max(int(down * 0.6), 4)), across)
            put(picture, mask, x + (across - mask.shape[1]) // 2, y + int(down * 0.2), opposite(ground))


def holes(picture: Floats, random: Generator) -> None:
    """Screw holes in two rows, some of them."""
    height, width = picture.shape[:2]
    for x in (0.24, 0.76):
        for y in (0.07, 0.93):
            if random.random() < 0.4:
                shade = float(random.uniform(20, 220))
                centre = (int(width * (x + random.normal(0, 0.02))), int(height * y))
                cv2.circle(picture, centre, int(random.integers(2, 5)), (shade, shade, shade), -1, cv2.LINE_AA)


def frame(picture: Floats, fonts: Fonts, random: Generator) -> None:
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
            mask = fit(faces.lettering(letters, any_of(fonts.lettering, random), int(down * 0.6)), int(width * 0.8))
            put(picture, mask, (width - mask.shape[1]) // 2, y + int(down * 0.2), opposite(colour))
