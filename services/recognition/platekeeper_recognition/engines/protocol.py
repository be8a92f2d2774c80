"""What every engine offers: a detector that finds where plates may be, and a reader that says what a crop may say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from platekeeper_common.events.recognition import Model

Picture = NDArray[np.uint8]
"""Height x width x 3: blue, green, red."""
Corner = tuple[float, float]
"""Pixels from the left and from the top of the picture."""

GAP, DASH, SIGN = " ", "-", ":"
"""How a reading writes a gap or dot, a dash, and any other sign that is neither letter nor digit."""


@dataclass(frozen=True, slots=True)
class Area:
    """A quadrilateral of a picture where text may stand."""

    corners: tuple[Corner, Corner, Corner, Corner]
    """Clockwise from where the text begins above."""
    confidence: float
    """0..1"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a crop may say."""

    text: str
    """Of A-Z and 0-9 (accents and case folded), with GAP, DASH and SIGN between them."""
    confidence: float
    """0..1: the reader's probability of the whole text; those of one crop sum to at most one."""


class Detector(Protocol):
    """Finds where plates may be."""

    model: Model

    def detect(self, pictures: Sequence[Picture]) -> list[list[Area]]:
        """The areas of each picture, in no particular order."""


class Reader(Protocol):
    """Reads crops that each show one line of text, upright."""

    model: Model

    def read(self, crops: Sequence[Picture]) -> list[list[Reading]]:
        """What each crop may say, most likely first; nothing for a crop without text."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A detector and a reader that work together. Not safe to use from two threads at once."""

    detector: Detector
    reader: Reader
    model: Model
    """Both together, as it stands in reads (clause J1)."""
