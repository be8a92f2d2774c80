"""Real plates without serials, and what is painted on them: peaches, pelicans, riders, cut out along their outlines.

A reader that knows drawn emblems alone takes a real one for a character. Where it stands is in `art.toml`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from platekeeper_training.drawing.paint import Floats, Picture, Place, lay

_ALIKE, _OTHER = 14.0, 50.0
"""Grey values from what is around: so near belongs to the ground, so far to the art."""
_AT = 3
"""Pixels of each side's rim that tell what the ground is."""


@dataclass(frozen=True, slots=True)
class Art:
    """A picture in its outline."""

    region: str
    picture: Picture
    cover: NDArray[np.float32]
    """Height x width: 1 where it hides what is under it."""


@dataclass(frozen=True, slots=True)
class Blank:
    """A real plate without a serial."""

    region: str
    picture: Picture
    taken: float = 0.0
    """The share of the width that its art takes at the left, where no serial stands."""


def blanks(known: Mapping[str, Picture]) -> tuple[list[Blank], list[Art]]:
    """Those that a serial may be drawn on, and the art of all. `known`: by name, `wy2000`: state and year."""
    whole: list[Blank] = []
    pieces: list[Art] = []
    for name, picture in known.items():
        told = _told().get(name, {"at": "behind"})
        region = f"us-{name[:2]}"
        if told["at"] != "between":
            whole.append(Blank(region, picture, told["box"][2] if told["at"] == "beside" else 0.0))
        if "box" in told:
            pieces.append(_cut(region, picture, told["box"]))
    return whole, pieces


def put(picture: Floats, art: Art, place: Place, random: Generator) -> None:
    """The art in the middle of that place (left, top, width, height), as large as fits, in its colours or in one."""
    height, width = art.cover.shape
    scale = min(place[2] / width, place[3] / height)
    size = (max(int(width * scale), 2), max(int(height * scale), 2))
    left, top = int(place[0] + (place[2] - size[0]) / 2), int(place[1] + (place[3] - size[1]) / 2)
    piece = cv2.resize(art.picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    cover = cv2.resize(art.cover, size, interpolation=cv2.INTER_AREA)
    if random.random() < 0.2:
        piece[:] = random.uniform(0, 255, 3)
    else:
        piece = piece * random.uniform(0.6, 1.2) + random.normal(0, 15, 3).astype(np.float32)
    if random.random() < 0.3:
        piece, cover = piece[:, ::-1], cover[:, ::-1]
    lay(picture, np.clip(piece, 0, 255), cover, left, top)


@cache
def _told() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("art.toml").read_text(encoding="utf-8"))


def _cut(region: str, plate: Picture, box: tuple[float, float, float, float]) -> Art:
    """The part in the box, without what is at its rims: the ground, which may change from top to bottom."""
    height, width = plate.shape[:2]
    left, top, right, bottom = np.round(np.array(box) * (width, height, width, height)).astype(int)
    piece = plate[top:bottom, left:right]
    rims = np.concatenate([piece[:, :_AT], piece[:, -_AT:]], 1).astype(np.float32)
    ground = cv2.GaussianBlur(np.median(rims, 1)[:, None], (1, 9), 0).reshape(-1, 1, 3)
    apart = np.abs(piece.astype(np.float32) - ground).max(2)
    cover = np.clip((apart - _ALIKE) / (_OTHER - _ALIKE), 0, 1)
    return Art(region, np.ascontiguousarray(piece), cv2.GaussianBlur(cover, (0, 0), 0.6).astype(np.float32))
