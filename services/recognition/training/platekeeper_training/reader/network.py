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


class Glance(nn.Module):
    """One layer in which the places look at each other and at the crop."""

    def __init__(self, width: int, heads: int) -> None:
        """`width` channels in `heads` heads."""
        super().__init__()
        self.among = nn.MultiheadAttention(width, heads, batch_first=True)
        self.at = nn.MultiheadAttention(width, heads, batch_first=True)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, places: Tensor, seen: Tensor) -> Tensor:
        """Places (batch, PLACES, width) after looking at `seen` (batch, positions, width)."""
        first, second, third = self.norms
        own = first(places)
        places = places + self.among(own, own, own, need_weights=False)[0]
        places = places + self.at(second(places), seen, seen, need_weights=False)[0]
        return places + self.think(third(places))


class ReaderNet(nn.Module):
    """Crops (batch, 3, HEIGHT, WIDTH), blue green red in 0..255 -> logits of characters and of regions."""

    def __init__(self, regions: int, *, width: int = 128, layers: int = 2) -> None:
        """For so many regions."""
        super().__init__()
        self.trunk = trunk(BLOCKS)
        self.narrow = nn.Conv2d(CHANNELS, width, 1)
        self.where = nn.Parameter(torch.randn(1, HEIGHT // 8 * (WIDTH // 4), width) * 0.02)
        self.places = nn.Parameter(torch.randn(1, PLACES + 1, width) * 0.02)
        self.layers = nn.ModuleList(Glance(width, 4) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.characters = nn.Linear(width, len(ALPHABET) + 1)
        self.regions = nn.Linear(width, regions)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, PLACES, ALPHABET + END) and (batch, regions)."""
        seen = self.narrow(self.trunk(crops / 127.5 - 1)).flatten(2).transpose(1, 2) + self.where
        places = self.places.expand(crops.shape[0], -1, -1)
        for layer in self.layers:
            places = layer(places, seen)
        places = self.norm(places)
        return self.characters(places[:, :PLACES]), self.regions(places[:, PLACES])
