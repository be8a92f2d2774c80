"""The trunk of the reader: the first stages of PP-OCRv6's small recogniser, which begin with what it has learnt.

PaddleOCR's weights (Apache-2.0) have seen text of every kind; plates are learnt on top. Its later stages, made for
lines of eighteen thousand characters, are left out. The layers are those of its published ONNX file, with the
re-parametrised branches already merged, so there is no normalisation to keep.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 192
"""Of what the trunk gives: one place for 8 x 4 pixels of a crop."""


class Stem(nn.Module):
    """From colours to a quarter of the size, by two ways that are joined."""

    def __init__(self) -> None:
        """Of 96 channels."""
        super().__init__()
        self.halve = nn.Conv2d(3, 48, 3, 2, 1)
        self.narrow = nn.Conv2d(48, 24, 2)
        self.widen = nn.Conv2d(24, 48, 2)
        self.join = nn.Conv2d(96, 48, 3, 2, 1)
        self.out = nn.Conv2d(48, 96, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, height, width) -> (batch, 96, height / 4, width / 4)."""
        x = torch.relu(self.halve(x))
        round_about = torch.relu(self.narrow(functional.pad(x, (0, 1, 0, 1))))
        round_about = torch.relu(self.widen(functional.pad(round_about, (0, 1, 0, 1))))
        straight = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 2, 1)
        x = torch.relu(self.join(torch.cat((straight, round_about), 1)))
        return torch.relu(self.out(x))


class Squeeze(nn.Module):
    """Channels weighed by what the whole crop holds (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        """Of so many channels."""
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 4, 1)
        self.up = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        weights = self.up(torch.relu(self.down(x.mean((2, 3), keepdim=True))))
        return x * functional.hardsigmoid(weights)


class Mixer(nn.Module):
    """Looks around in each channel, then mixes the channels of each place."""

    def __init__(self, channels: int, *, squeeze: bool = False, halves: bool = False) -> None:
        """Of so many channels; `halves`: half as high, and twice as many come out."""
        super().__init__()
        self.halves = halves
        self.around = nn.Conv2d(channels, channels, 3, (2, 1) if halves else 1, 1, groups=channels)
        self.squeeze = Squeeze(channels) if squeeze else nn.Identity()
        self.up = nn.Conv2d(channels, 2 * channels, 1)
        self.down = nn.Conv2d(2 * channels, (2 if halves else 1) * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same, or to half the height and twice the channels."""
        x = self.squeeze(self.around(x))
        mixed: Tensor = self.down(functional.gelu(self.up(x)))
        return mixed if self.halves else x + mixed


def trunk(blocks: int) -> nn.Sequential:
    """The stem, the first stage whole, and `blocks` (0..6) of the second: (batch, 3, h, w) -> (batch, 192, h/8, w/4).

    Colours are blue green red in -1..1.
    """
    first = [Mixer(96, squeeze=True), Mixer(96), Mixer(96)]
    second = [Mixer(CHANNELS, squeeze=block % 2 == 0) for block in range(blocks)]
    return nn.Sequential(Stem(), *first, Mixer(96, halves=True), *second)


def begin_with(net: nn.Sequential, recogniser: Path) -> None:
    """Give the trunk PP-OCRv6's weights. Raises OSError without the file, ValueError when its layers are others."""
    learnt = _convolutions(recogniser)
    with torch.no_grad():
        for layer in net.modules():
            if not isinstance(layer, nn.Conv2d):
                continue
            weight, bias = next(learnt)
            if tuple(layer.weight.shape) != weight.shape or layer.bias is None:
                raise ValueError(
                    f"{recogniser} has a layer of {weight.shape} where {tuple(layer.weight.shape)} was due"
                )
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            layer.bias.copy_(torch.from_numpy(bias.reshape(-1).copy()))


def _convolutions(recogniser: Path) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Weight and bias of each convolution, in the order in which they are applied."""
    graph = onnx.load(recogniser).graph
    known = {each.name: each for each in graph.initializer}
    bias_of = {node.input[0]: node.input[1] for node in graph.node if node.op_type == "Add" and node.input[1] in known}
    for node in graph.node:
        if node.op_type == "Conv" and node.output[0] in bias_of:
            yield numpy_helper.to_array(known[node.input[1]]), numpy_helper.to_array(known[bias_of[node.output[0]]])
