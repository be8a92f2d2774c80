"""What the reader learns from, in shards: each is made from its number alone, so a run can stop and go on anywhere.

A shard holds drawn crops and real ones, the latter moved, relit and degraded anew each time.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from platekeeper_training import photographs
from platekeeper_training.drawing import art, views
from platekeeper_training.drawing.art import Art, Blank
from platekeeper_training.drawing.crops import Drawer
from platekeeper_training.drawing.designs import Design, designs
from platekeeper_training.drawing.paint import Fonts, Picture
from platekeeper_training.drawing.views import Hardness
from platekeeper_training.photographs import Labelled
from platekeeper_training.reader.network import ALPHABET, END, HEIGHT, PLACES, WIDTH

SIZE = 2048
"""Crops in a shard."""
REGIONS = ("", *designs())
"""Classes of the region head; the first: unknown, which teaches nothing."""
_REAL = 0.4
"""Of a shard, once easy crops are learnt."""
_EASY_SHARDS = 25
"""Hardness grows to its full over so many shards: a small network learns only when easy crops come first."""
_LEAST_HARD = 0.3
"""Of the hardest: most photographs are easier than the hardest."""
_VIEWS = 3
"""Crops drawn of one flat plate."""
_TIMES = {"scenes-caltech1999": 8.0, "scenes-caltech2001": 4.0, "scenes-openimages": 6.0, "scenes-tollbooth": 6.0}
"""How many times as often the plates of a folder are taken as those of the others: American ones are few."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a shard's crops come from."""

    seed: int
    fonts: Path
    photographs: Path | None
    """The folder of folders of real pictures; None: all are drawn."""


@dataclass(frozen=True, slots=True)
class Shard:
    """SIZE crops and what they say."""

    crops: NDArray[np.uint8]
    """SIZE x HEIGHT x WIDTH x 3"""
    texts: NDArray[np.int64]
    """SIZE x PLACES: characters of ALPHABET, then END."""
    regions: NDArray[np.int64]
    """SIZE: of REGIONS."""


def make(sources: Sources, number: int) -> Shard:
    """The shard of that number."""
    random = np.random.default_rng((sources.seed, number))
    drawer, real = _drawer(sources), _real(sources)
    hardest = min(0.25 + number / _EASY_SHARDS, 1.0)
    shown: list[tuple[Picture, str, str]] = []
    if real.plates:
        for _ in range(int(SIZE * _REAL * hardest)):
            plate = real.plates[int(random.choice(len(real.plates), p=real.shares))]
            shown.append((real_crop(plate, random, Hardness(hardest)), plate.plate, plate.region))
    while len(shown) < SIZE:
        flat = drawer.flat(random)
        if len(flat.text) <= PLACES:
            for _ in range(_VIEWS):
                hardness = Hardness(hardest * random.uniform(_LEAST_HARD, 1.0))
                shown.append((drawer.crop(flat, random, hardness), flat.text, flat.region))
    order = random.permutation(len(shown))[:SIZE]
    crops = np.stack([fitted(shown[place][0]) for place in order])
    texts = np.array([written(shown[place][1]) for place in order], np.int64)
    regions = np.array([_region(shown[place][2]) for place in order], np.int64)
    return Shard(crops, texts, regions)


def fitted(crop: Picture) -> Picture:
    """The crop as the network takes it."""
    method = cv2.INTER_AREA if crop.shape[1] > WIDTH else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (WIDTH, HEIGHT), interpolation=method), np.uint8)


def written(text: str) -> list[int]:
    """The classes of the places. Raises ValueError for other characters."""
    return [ALPHABET.index(sign) for sign in text] + [END] * (PLACES - len(text))


def real_crop(plate: Labelled, random: Generator, hardness: Hardness) -> Picture:
    """A real plate cut out a little differently, turned, relit and degraded a little, each time."""
    whole = _picture(plate.file)
    left, top, width, height = plate.box or (0.0, 0.0, float(whole.shape[1]), float(whole.shape[0]))
    reach = (width, height, width, height)
    wobble = random.normal(0.05, 0.07, 4).clip(-0.06, 0.25) * reach if plate.box else random.normal(0, 0.025, 4) * reach
    corners = np.array(
        [
            [left - wobble[0], top - wobble[1]],
            [left + width + wobble[2], top - wobble[1]],
            [left + width + wobble[2], top + height + wobble[3]],
            [left - wobble[0], top + height + wobble[3]],
        ],
        np.float32,
    )
    corners += random.normal(0, 0.018 * hardness.share, (4, 2)).astype(np.float32) * (width, height)
    size = (max(round(width), 12), max(round(height), 8))
    square = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), square)
    cut = cv2.warpPerspective(whole, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mild = Hardness(hardness.share * 0.4)
    lit = views.light(cut.astype(np.float32), random, mild)
    across = size[0] * random.uniform(0.55, 1.0) if size[0] > 60 and random.random() < 0.4 else size[0]
    return views.sensor(lit, random, mild, across=float(across))


class Ahead:
    """Shards made ahead by other processes, in the order of their numbers."""

    def __init__(self, sources: Sources, *, first: int, workers: int) -> None:
        """`workers` processes, from shard `first` on."""
        self._sources = sources
        self._next = first
        self._pool = ProcessPoolExecutor(workers)
        self._coming: list[Future[Shard]] = []
        self._ahead = workers + 1

    def take(self) -> Shard:
        """The next shard; waits for it."""
        while len(self._coming) <= self._ahead:
            self._coming.append(self._pool.submit(make, self._sources, self._next))
            self._next += 1
        return self._coming.pop(0).result()

    def close(self) -> None:
        """Let the processes go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Real:
    plates: Sequence[Labelled] = ()
    shares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@cache
def _real(sources: Sources) -> _Real:
    if sources.photographs is None:
        return _Real()
    plates = [
        plate
        for folder in sorted(sources.photographs.iterdir())
        if (folder / "labels.csv").exists() and not folder.name.startswith("blanks")
        for plate in photographs.labelled(folder)
        if 2 <= len(plate.plate) <= PLACES and not plate.held_back
    ]
    times = np.array(
        [_TIMES.get(plate.file.parent.name, _TIMES.get(plate.file.parents[1].name, 1.0)) for plate in plates]
    )
    return _Real(plates, times / times.sum())


@cache
def _drawer(sources: Sources) -> Drawer:
    known = list(designs().values())
    blanks: list[Blank] = []
    pieces: list[Art] = []
    grounds: list[Picture] = []
    if sources.photographs is not None:
        empty = photographs.labelled(sources.photographs / "blanks-us")
        blanks, pieces = art.blanks({each.file.stem: photographs.picture(each.file) for each in empty})
        for name in ("streets-noplate-ca", "background-grey"):
            files = sorted((sources.photographs / name).rglob("*.*g"))[:150]
            grounds += [photographs.picture(file) for file in files]
    return Drawer(known, [_weight(design) for design in known], Fonts.of(sources.fonts), blanks, pieces, grounds)


def _weight(design: Design) -> float:
    """How often a region is drawn: American ones most, California among them."""
    if design.region == "us-ca":
        return 25
    if design.american:
        return 1.2
    return 1.0 if design.region.startswith("eu") else 5.0


@cache
def _picture(file: Path) -> Picture:
    return photographs.picture(file)


def _region(region: str) -> int:
    return REGIONS.index(region) if region in REGIONS else 0
