"""How well a reader reads the photographs that are held back from training, folder by folder."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from platekeeper_training import photographs
from platekeeper_training.drawing.paint import Picture
from platekeeper_training.photographs import Labelled
from platekeeper_training.reader.network import ALPHABET, END, PLACES
from platekeeper_training.reader.shards import fitted

_MARGIN = 0.06
"""Around a labelled box, as a detector would leave it."""
_LOOK_ALIKES = str.maketrans("OI", "01")


@dataclass(frozen=True, slots=True)
class Score:
    """Of one folder."""

    plates: int
    exact: float
    """Share of the plates read wholly right."""
    folded: float
    """The same, O taken for 0 and I for 1."""


def scores(net: nn.Module, folder: Path | None, device: torch.device) -> dict[str, Score]:
    """By folder; United States plates of mixed folders apart, as `us`. Empty without photographs."""
    if folder is None:
        return {}
    net.eval()
    found = {}
    for name, plates in _plates(folder).items():
        read = texts(net, [cut(plate) for plate in plates], device)
        exact = [text == plate.plate for text, plate in zip(read, plates, strict=True)]
        folded = [
            text.translate(_LOOK_ALIKES) == plate.plate.translate(_LOOK_ALIKES)
            for text, plate in zip(read, plates, strict=True)
        ]
        found[name] = Score(len(plates), float(np.mean(exact)), float(np.mean(folded)))
    return found


@torch.inference_mode()
def texts(net: nn.Module, crops: list[Picture], device: torch.device) -> list[str]:
    """The most probable text of each crop."""
    read: list[str] = []
    for first in range(0, len(crops), 128):
        some = torch.from_numpy(np.stack([fitted(crop) for crop in crops[first : first + 128]])).to(device)
        characters, _ = net(some.permute(0, 3, 1, 2).float())
        read += [_text(row) for row in characters.argmax(2).tolist()]
    return read


def cut(plate: Labelled) -> Picture:
    """The crop with a detector's margin."""
    whole = photographs.picture(plate.file)
    if plate.box is None:
        return whole
    left, top, width, height = plate.box
    x, y = max(int(left - width * _MARGIN), 0), max(int(top - height * _MARGIN), 0)
    return whole[y : int(top + height * (1 + _MARGIN)) + 1, x : int(left + width * (1 + _MARGIN)) + 1]


def _text(row: list[int]) -> str:
    end = row.index(END) if END in row else PLACES
    return "".join(ALPHABET[place] for place in row[:end])


@cache
def _plates(folder: Path) -> dict[str, list[Labelled]]:
    found: dict[str, list[Labelled]] = {}
    for each in sorted(folder.iterdir()):
        if not (each / "labels.csv").exists():
            continue
        for plate in photographs.labelled(each):
            if plate.held_back and 2 <= len(plate.plate) <= PLACES:
                american = plate.region.startswith("us") or each.name.startswith("scenes-caltech")
                found.setdefault("us" if american else each.name, []).append(plate)
    return found
