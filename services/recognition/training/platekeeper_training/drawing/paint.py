"""What plates are painted with: colours, fonts, ink through a mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from platekeeper_training.drawing import faces
from platekeeper_training.drawing.designs import Colour
from platekeeper_training.drawing.dies import Mask

Picture = NDArray[np.uint8]
"""Height x width x 3: blue, green, red."""
Floats = NDArray[np.float32]
"""The same in 0..255, while it is painted."""
Place = tuple[float, float, float, float]
"""Left, top, width and height in pixels of a flat plate."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fonts:
    """The fonts at hand."""

    serial: tuple[Path, ...]
    lettering: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path) -> "Fonts":
        """Those of `faces`, in `folder`."""
        return cls(faces.files(folder, faces.SERIAL), faces.files(folder, faces.LETTERING))


def varied(colour: Colour, random: Generator, by: float) -> Colour:
    """The colour, a little different, by about so much of 255."""
    blue, green, red = np.clip(np.array(colour) + random.normal(0, by, 3) * 0.5 + random.normal(0, by * 0.5), 0, 255)
    return int(blue), int(green), int(red)


def put(picture: Floats, mask: Mask, left: int, top: int, colour: Sequence[float]) -> None:
    """Put the mask's ink there; what lies outside is cut off."""
    ink = np.broadcast_to(np.array(colour, np.float32), (*mask.shape, 3))
    lay(picture, ink, mask.astype(np.float32) / 255, left, top)


def lay(picture: Floats, piece: Floats, cover: NDArray[np.float32], left: int, top: int) -> None:
    """Lay the piece over the picture there, as far as its cover (0..1) hides; what lies outside is cut off."""
    height, width = picture.shape[:2]
    x, y = max(left, 0), max(top, 0)
    seen = slice(y - top, height - top), slice(x - left, width - left)
    part = cover[seen]
    if part.size == 0:
        return
    under = picture[y : y + part.shape[0], x : x + part.shape[1]]
    under += (piece[seen] - under) * part[..., None]


def fit(mask: Mask, widest: int) -> Mask:
    """The mask, brought down to `widest` pixels where it is wider."""
    if mask.shape[1] <= widest:
        return mask
    size = (max(widest, 1), max(int(mask.shape[0] * widest / mask.shape[1]), 3))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def opposite(colour: NDArray[np.float64]) -> tuple[float, float, float]:
    """Dark on light, light on dark."""
    shade = 20.0 if float(colour.mean()) > 128 else 235.0
    return shade, shade, shade


def any_of(some: Sequence[_T], random: Generator) -> _T:
    """One of them."""
    return some[int(random.integers(len(some)))]
