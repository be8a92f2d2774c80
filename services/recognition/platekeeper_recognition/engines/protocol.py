"""What engines offer, of either kind: those that find lines of text in a picture, and those that find plates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


class EngineUnavailable(Exception):
    """The engine cannot be opened; says in one line what is missing, and which extra or setting would give it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a crop may say."""

    text: str
    """Of A-Z and 0-9 (accents and case folded); between them GAP, DASH and SIGN where a line of text is read."""
    confidence: float
    """0..1: the reader's probability of the whole text; those of one crop sum to at most one."""


@dataclass(frozen=True, slots=True)
class Area:
    """A quadrilateral of a picture where text may stand."""

    corners: tuple[Corner, Corner, Corner, Corner]
    """Clockwise from where the text begins above."""


@dataclass(frozen=True, slots=True)
class Spot:
    """An upright rectangle of a picture in which a whole plate may hang. Pixels from the left and from the top."""

    left: float
    top: float
    right: float
    bottom: float
    confidence: float
    """0..1: that it is a plate."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the crop of a plate may say, and whose plate it may be."""

    readings: Sequence[Reading]
    """Most likely first."""
    regions: Mapping[str, float] = field(default_factory=dict)
    """The probability of each region by its name, as `us-ca`, `eu-de` or `br`; empty when the reader does not guess."""


class LineDetector(Protocol):
    """Finds lines of text."""

    model: Model

    def detect(self, pictures: Sequence[Picture]) -> list[list[Area]]:
        """The areas of each picture, in no particular order."""


class LineReader(Protocol):
    """Reads crops that each show one line of text, upright."""

    model: Model

    def read(self, crops: Sequence[Picture]) -> list[list[Reading]]:
        """What each crop may say, most likely first; nothing for a crop without text."""


class PlateDetector(Protocol):
    """Finds plates."""

    model: Model

    def detect(self, pictures: Sequence[Picture]) -> list[list[Spot]]:
        """The plates of each picture, surest first, none on another. Pictures of one size run together."""


Wider = Callable[[int], Picture]
"""The plate of the crop at that place, with more around it."""


class PlateReader(Protocol):
    """Reads crops that each show one plate, with what is around the serial and however it is turned."""

    model: Model

    def read(self, crops: Sequence[Picture], wider: Wider | None = None) -> list[Said]:
        """What each crop may say. A reader in doubt may look at what `wider` gives, too."""


@dataclass(frozen=True, slots=True)
class LineEngine:
    """Finds and reads lines of text; which of them are plates is for others to say. Not for two threads at once."""

    detector: LineDetector
    reader: LineReader
    model: Model
    """Both together, as it stands in reads (clause J1)."""
    longest_side: int
    """Pixels to which a picture's longer side is brought before anything is sought."""


@dataclass(frozen=True, slots=True)
class PlateEngine:
    """Finds plates and reads each as a whole. Not for two threads at once."""

    detector: PlateDetector
    reader: PlateReader
    model: Model
    """Both together, as it stands in reads (clause J1)."""
    longest_side: int
    """Pixels to which a picture's longer side is brought before anything is sought."""


Engine = LineEngine | PlateEngine
