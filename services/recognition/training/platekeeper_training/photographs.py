"""Real photographs to learn from: folders with `labels.csv` (file, plate, x, y, w, h), read as they lie.

`no_plates.csv` (file) names pictures in the folder's `no-plates/` which look like plates and show none.
A tenth, by a digest of the file's name, is held back: never trained on, and what choices are made by.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from platekeeper_training.drawing.paint import Picture

HELD_BACK_SHARE = 10
"""One file in so many is held back."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A plate in a photograph."""

    file: Path
    plate: str
    """A-Z and 0-9; empty when nobody could read it."""
    box: tuple[float, float, float, float] | None
    """Left, top, width, height in pixels; None: the whole picture is the plate."""
    region: str
    """As designs name it; empty: unknown."""

    @property
    def held_back(self) -> bool:
        """Whether it is measured with and never trained on."""
        return int(hashlib.sha256(self.file.name.encode()).hexdigest(), 16) % HELD_BACK_SHARE == 0


def labelled(folder: Path) -> Iterator[Labelled]:
    """The plates of one folder of photographs. Raises FileNotFoundError where it has no labels."""
    regions = _regions(folder)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            box = tuple(float(row[side]) for side in "xywh") if row.get("x") else None
            region = regions.get(row["file"], _ALL_OF.get(folder.name, ""))
            path = folder / row["file"]
            yield Labelled(
                path if path.exists() else folder / "images" / row["file"], row.get("plate", ""), box, region
            )  # type: ignore[arg-type]


def without_plates(folder: Path) -> list[Path]:
    """The pictures of the folder that are named as showing no plate; empty where none are."""
    path = folder / "no_plates.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return [folder / "no-plates" / row["file"] for row in csv.DictReader(lines)]


def picture(path: Path) -> Picture:
    """The photograph in blue, green, red. Raises OSError when it cannot be read."""
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise OSError(f"{path} is no picture that can be read")
    return np.asarray(found, np.uint8)


_ALL_OF = {"crops-br": "br"}


def _regions(folder: Path) -> dict[str, str]:
    path = folder / "regions.csv"
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as lines:
        return {row["file"]: row["region"].lower() for row in csv.DictReader(lines)}
