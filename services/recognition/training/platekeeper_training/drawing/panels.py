"""What stands beside the serial of American plates and is not read: emblems, pictograms, small stacked letters."""

import cv2
import numpy as np
from numpy.random import Generator

from platekeeper_training.drawing.designs import DIGITS, LETTERS, Colour
from platekeeper_training.drawing.dies import Die
from platekeeper_training.drawing.emblems import Scraps, emblem, wheelchair
from platekeeper_training.drawing.faces import Face
from platekeeper_training.drawing.paint import Floats, Fonts, put

_TOP, _DOWN = 0.28, 0.46
"""Where the serial begins and how high it is, in heights of the plate."""
_RIM = 0.02
"""Of the width."""
_KINDS = {
    ("emblem",): 0.3,
    ("stacked",): 0.2,
    ("wheelchair",): 0.06,
    ("emblem", "stacked"): 0.16,
    ("wheelchair", "stacked"): 0.04,
    ("emblem", "", "stacked"): 0.16,
    ("wheelchair", "", "stacked"): 0.06,
    ("emblem", "", "emblem"): 0.02,
}
"""From the edge inwards; the serial stands at the empty name, or last; and how often."""
_WIDTHS = {"emblem": (0.1, 0.28), "wheelchair": (0.1, 0.22), "stacked": (0.055, 0.135)}
"""Of the plate: the least and the most."""


def panel(
    picture: Floats, face: Die | Face, fonts: Fonts, ink: Colour, random: Generator, scraps: Scraps
) -> tuple[float, float]:
    """Emblems, pictograms, stacked letters at one side or both; what share of the width they take left and right."""
    height, width = picture.shape[:2]
    kinds = list(_KINDS)[int(random.choice(len(_KINDS), p=list(_KINDS.values())))]
    taken = [_RIM, _RIM]
    side = 0 if random.random() < 0.65 else 1
    for kind in kinds:
        if not kind:
            side = 1 - side
            continue
        share = random.uniform(*_WIDTHS[kind])
        left = taken[side] if side == 0 else 1 - taken[side] - share
        if kind == "stacked":
            _stacked(picture, face, ink, left * width, share * width, random)
        else:
            down = _DOWN * random.uniform(0.85, 1.35)
            top = _TOP + (_DOWN - down) * random.uniform(0.3, 0.7)
            place = (left * width, top * height, share * width, down * height)
            if kind == "wheelchair":
                wheelchair(picture, place, ink, random)
            else:
                emblem(picture, place, fonts, random, scraps)
        taken[side] += share
    return taken[0] if taken[0] > _RIM else 0.0, taken[1] if taken[1] > _RIM else 0.0


def _stacked(picture: Floats, face: Die | Face, ink: Colour, left: float, across: float, random: Generator) -> None:
    """Two or three small letters over each other, seldom figures: the kind of plate, or a county."""
    height = picture.shape[0]
    signs = DIGITS if random.random() < 0.15 else LETTERS
    letters = [signs[int(random.integers(len(signs)))] for _ in range(2 if random.random() < 0.75 else 3)]
    tall = int(height * _DOWN * random.uniform(0.85, 1.3) / len(letters))
    top = height * (_TOP + _DOWN / 2) - tall * len(letters) / 2
    if random.random() < 0.3:
        ink = (int(random.integers(256)), int(random.integers(256)), int(random.integers(256)))
    for place, letter in enumerate(letters):
        mask = face.draw(letter, max(int(tall * random.uniform(0.8, 0.97)), 4))
        if mask.shape[1] > across:
            mask = np.asarray(cv2.resize(mask, (max(int(across), 2), mask.shape[0]), interpolation=cv2.INTER_AREA))
        put(picture, mask, int(left + (across - mask.shape[1]) / 2), int(top) + place * tall, ink)
