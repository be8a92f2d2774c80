"""Drawn crops for the reader: a plate somewhere on a piece of a vehicle, cut out as a detector would cut it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from platekeeper_training.drawing import plates, views
from platekeeper_training.drawing.art import Art, Blank
from platekeeper_training.drawing.designs import Design
from platekeeper_training.drawing.emblems import Scraps
from platekeeper_training.drawing.paint import Fonts, Picture, any_of
from platekeeper_training.drawing.plates import Flat
from platekeeper_training.drawing.views import Hardness

_LEAST_ACROSS, _MOST_ACROSS = 26, 220
"""Pixels across the plate; less than some 4 a character nobody reads."""


@dataclass(frozen=True, slots=True)
class Drawer:
    """Draws crops of the designs given, on pieces of real pictures without plates where there are some."""

    designs: Sequence[Design]
    weights: Sequence[float]
    fonts: Fonts
    blanks: Sequence[Blank] = ()
    art: Sequence[Art] = ()
    """Of real plates, for emblems."""
    grounds: Sequence[Picture] = ()

    def flat(self, random: Generator) -> Flat:
        """A plate from straight ahead."""
        share = np.array(self.weights) / np.sum(self.weights)
        design = self.designs[int(random.choice(len(self.designs), p=share))]
        blank = None
        if design.american and self.blanks and random.random() < 0.35:
            blank = any_of(self.blanks, random)
            design = next((one for one in self.designs if one.region == blank.region), design)
        return plates.draw(design, self.fonts, random, blank, Scraps(self.grounds, self.art))

    def crop(self, flat: Flat, random: Generator, hardness: Hardness) -> Picture:
        """The plate as a camera sees it, cut out with a detector's margins."""
        height, width = flat.picture.shape[:2]
        where = views.corners(width, height, random, hardness)
        low, high = where.min(axis=0), where.max(axis=0)
        size = high - low
        margins = random.normal(0.06, 0.07, 4).clip(-0.04, 0.28) * np.array([size[0], size[1], size[0], size[1]])
        left, top = low - margins[:2]
        right, bottom = high + margins[2:]
        canvas = self._ground(max(int(right - left), 8), max(int(bottom - top), 8), random)
        views.place(flat.picture, canvas, (where - (left, top)).astype(np.float32), random)
        across = np.exp(random.uniform(np.log(_LEAST_ACROSS + 60 * (1 - hardness.share)), np.log(_MOST_ACROSS)))
        if width / height < 1.9:
            across *= 0.8
        lit = views.light(canvas.astype(np.float32), random, hardness)
        return views.sensor(lit, random, hardness, across=float(across))

    def _ground(self, width: int, height: int, random: Generator) -> Picture:
        if self.grounds and random.random() < 0.6:
            ground = any_of(self.grounds, random)
            tall, wide = ground.shape[:2]
            x, y = int(random.integers(max(wide - 80, 1))), int(random.integers(max(tall - 60, 1)))
            piece = ground[y : y + 120, x : x + 160]
            return np.ascontiguousarray(cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR))
        even = np.empty((height, width, 3), np.float32)
        even[:] = random.uniform(0, 235) + random.normal(0, 15, 3)
        even += np.linspace(-1, 1, height, dtype=np.float32)[:, None, None] * random.normal(0, 30)
        return np.clip(even, 0, 255).astype(np.uint8)
