"""The network of the plate reader: the trunk of a reader of text, and one query for each place of a serial.

The queries look anywhere in the crop (Vaswani et al. 2017; parallel decoding as in PARSeq, Bautista and Atienza 2022),
so names above a serial, stacked letters and a second row need no rule. All characters come from one pass.
"""

import torch
from torch import Tensor, nn

from platekeeper_training.reader.trunk import CHANNELS, trunk

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
END = len(ALPHABET)
"""The class of a place after the last character."""
PLACES = 10
BLOCKS = 3
"""Of the trunk's second stage; with all six, a crop took more than 3 ms of a core."""
HEIGHT, WIDTH = 48, 144
"""Pixels of a crop as the network takes it, whatever its proportions were."""
POSITIONS = HEIGHT // 8 * (WIDTH // 4)
"""Of the trunk's result, where a place can look."""
_FAINT = 4.0
"""Grey values: crops of less contrast stay faint."""


class Attention(nn.Module):
    """Each of `askers` places takes what it asks for from what is seen (Vaswani et al. 2017).

    The shapes are numbers, so the exported graph computes none of them.
    """

    def __init__(self, width: int, heads: int, askers: int, seen: int) -> None:
        """`width` channels in `heads` heads; `seen` positions are looked at."""
        super().__init__()
        self.shape = (heads, width // heads)
        self.askers, self.seen = askers, seen
        self.ask = nn.Linear(width, width)
        self.keys = nn.Linear(width, width)
        self.values = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, places: Tensor, seen: Tensor) -> Tensor:
        """(batch, askers, width), of `seen` (batch, seen, width)."""
        heads, across = self.shape
        asked = self.ask(places).view(-1, self.askers, heads, across).transpose(1, 2)
        keys = self.keys(seen).view(-1, self.seen, heads, across).permute(0, 2, 3, 1)
        values = self.values(seen).view(-1, self.seen, heads, across).transpose(1, 2)
        share = (asked @ keys * across**-0.5).softmax(-1)
        taken: Tensor = self.out((share @ values).transpose(1, 2).reshape(-1, self.askers, heads * across))
        return taken


class Glance(nn.Module):
    """One layer in which the places look at each other, unless it is the `first`, and at the crop."""

    def __init__(self, width: int, heads: int, *, first: bool) -> None:
        """`width` channels in `heads` heads; before the first glance the places know nothing of each other's crop."""
        super().__init__()
        self.among = None if first else Attention(width, heads, PLACES + 1, PLACES + 1)
        self.at = Attention(width, heads, PLACES + 1, POSITIONS)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 if first else 3))

    def forward(self, places: Tensor, seen: Tensor) -> Tensor:
        """Places (batch, PLACES + 1, width) after looking at `seen` (batch, POSITIONS, width)."""
        *others, at, think = self.norms
        if self.among is not None:
            own = others[0](places)
            places = places + self.among(own, own)
        places = places + self.at(at(places), seen)
        return places + self.think(think(places))


class ReaderNet(nn.Module):
    """Crops (batch, 3, HEIGHT, WIDTH), blue green red in 0..255 -> logits of characters and of regions."""

    def __init__(self, regions: int, *, width: int = 128, layers: int = 3) -> None:
        """For so many regions."""
        super().__init__()
        self.trunk = trunk(BLOCKS)
        self.narrow = nn.Conv2d(CHANNELS, width, 1)
        self.where = nn.Parameter(torch.randn(1, POSITIONS, width) * 0.02)
        self.places = nn.Parameter(torch.randn(1, PLACES + 1, width) * 0.02)
        self.layers = nn.ModuleList(Glance(width, 4, first=layer == 0) for layer in range(layers))
        self.norm = nn.LayerNorm(width)
        self.characters = nn.Linear(width, len(ALPHABET) + 1)
        self.regions = nn.Linear(width, regions)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, PLACES, ALPHABET + END) and (batch, regions)."""
        seen = self.narrow(self.trunk(levelled(crops))).flatten(2).transpose(1, 2) + self.where
        places = self.places
        for layer in self.layers:
            places = layer(places, seen)
        places = self.norm(places)
        return self.characters(places[:, :PLACES]), self.regions(places[:, PLACES])


def levelled(crops: Tensor) -> Tensor:
    """Each crop about nought and equally rich in contrast: a plate in the dark looks like one by day.

    `_FAINT` keeps the noise of an even crop from being raised without end.
    """
    middle = crops.mean((1, 2, 3), keepdim=True)
    apart = crops - middle
    return apart / ((apart * apart).mean((1, 2, 3), keepdim=True).sqrt() * 2 + _FAINT)
