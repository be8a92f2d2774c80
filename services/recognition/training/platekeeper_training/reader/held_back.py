"""How well a reader reads the photographs that are held back from training, folder by folder."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from platekeeper_training import photographs
from platekeeper_training.drawing.paint import Picture
from platekeeper_training.photographs import Labelled
from platekeeper_training.reader.network import ALPHABET, END, PLACES
from platekeeper_training.reader.shards import fitted

_MARGIN = 0.03
"""Around a labelled box, as the engine cuts it out."""
_CPU = torch.device("cpu")
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
    for name, known in plates(folder).items():
        read = texts(net, [cut(plate) for plate in known], device)
        exact = [one == plate.plate for one, plate in zip(read, known, strict=True)]
        folded = [
            one.translate(_LOOK_ALIKES) == plate.plate.translate(_LOOK_ALIKES)
            for one, plate in zip(read, known, strict=True)
        ]
        found[name] = Score(len(known), float(np.mean(exact)), float(np.mean(folded)))
    return found


def texts(net: nn.Module, crops: list[Picture], device: torch.device = _CPU) -> list[str]:
    """The most probable text of each crop."""
    read: list[str] = []
    for first in range(0, len(crops), 128):
        characters, _ = logits(net, crops[first : first + 128], device)
        read += [text(row) for row in characters.argmax(2).tolist()]
    return read


@torch.inference_mode()
def logits(net: nn.Module, crops: list[Picture], device: torch.device = _CPU) -> tuple[Tensor, Tensor]:
    """What the network says of some crops: of characters and of regions."""
    some = torch.from_numpy(np.stack([fitted(crop) for crop in crops])).to(device)
    characters, regions = net(some.permute(0, 3, 1, 2).float())
    return characters, regions


def cut(plate: Labelled, around: float = _MARGIN) -> Picture:
    """The crop with so much around it, in widths and heights of the box."""
    whole = photographs.picture(plate.file)
    if plate.box is None:
        return whole
    left, top, width, height = plate.box
    x, y = max(int(left - width * around), 0), max(int(top - height * around), 0)
    return whole[y : int(top + height * (1 + around)) + 1, x : int(left + width * (1 + around)) + 1]


def text(row: list[int]) -> str:
    """The characters of the classes of the places, up to the first END."""
    end = row.index(END) if END in row else PLACES
    return "".join(ALPHABET[place] for place in row[:end])


@cache
def plates(folder: Path) -> dict[str, list[Labelled]]:
    """The held-back plates whose text is known, by folder; United States plates of mixed folders apart, as `us`."""
    found: dict[str, list[Labelled]] = {}
    for each in sorted(folder.iterdir()):
        if not (each / "labels.csv").exists():
            continue
        for plate in photographs.labelled(each):
            if plate.held_back and 2 <= len(plate.plate) <= PLACES:
                american = plate.region.startswith("us") or each.name.startswith("scenes-caltech")
                found.setdefault("us" if american else each.name, []).append(plate)
    return found
