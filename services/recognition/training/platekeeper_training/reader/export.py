"""Exports the reader to ONNX: `python -m platekeeper_training.reader.export --weights best.pt --out reader.onnx`.

The confidences are made honest first, by the held-back photographs: the logits are divided by a temperature (Guo et
al. 2017), and what is left between the probability of a text and how often it is right is told to the engine as points
of a rising line. Both stand in the file's metadata, as JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from platekeeper_training.calibration import rising
from platekeeper_training.drawing.paint import Picture
from platekeeper_training.reader import held_back
from platekeeper_training.reader.network import ALPHABET, HEIGHT, PLACES, WIDTH, ReaderNet
from platekeeper_training.reader.shards import REGIONS, written

_HOPELESS, _SURE = 0.02, 0.8
"""What lies between is looked at twice, as the engine does."""
_TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(4.0), 61))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="best.pt of a run")
    parser.add_argument("--photographs", type=Path, help="folder of folders of real pictures, to calibrate by")
    parser.add_argument("--version", required=True, help="as it stands in reads (clause J1)")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    net = ReaderNet(len(REGIONS))
    net.load_state_dict(torch.load(options.weights, map_location="cpu"))
    net.eval()
    told = {"name": "platekeeper-reader", "version": options.version, "alphabet": ALPHABET, "regions": list(REGIONS)}
    told |= calibrated(net, options.photographs)
    export(net, told, options.out)
    print({name: told[name] for name in ("version", "temperature", "region_temperature", "calibration")})


def export(net: nn.Module, told: dict[str, object], out: Path) -> None:
    """Write the network with what is told about it; as many crops at a time as are given."""
    names = ["characters", "regions"]
    torch.onnx.export(
        net,
        (torch.zeros(2, 3, HEIGHT, WIDTH),),
        str(out),
        dynamo=False,
        opset_version=17,
        input_names=["crops"],
        output_names=names,
        dynamic_axes={name: {0: "batch"} for name in ("crops", *names)},
    )
    model = onnx.load(out)
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in told.items()})
    onnx.save(model, out)


def calibrated(net: nn.Module, photographs: Path | None) -> dict[str, object]:
    """`temperature`, `region_temperature` and `calibration`; every folder counts alike, however many plates it has."""
    if photographs is None:
        return {"temperature": 1.0, "region_temperature": 1.0, "calibration": [[0.0, 0.0], [1.0, 1.0]]}
    seen = _Seen(net, photographs)
    seen.look_again(net, seen.temperature())
    temperature = seen.temperature()
    region = _temperature(seen.regions, seen.countries, seen.weights * (seen.countries != 0))
    confidences, right = _judged(seen, temperature)
    points = rising(confidences, right, seen.weights.numpy())
    return {"temperature": temperature, "region_temperature": region, "calibration": points}


class _Seen:
    """What the network says of the held-back photographs, and what is true."""

    def __init__(self, net: nn.Module, photographs: Path) -> None:
        groups = held_back.plates(photographs).values()
        self.plates = [plate for plates in groups for plate in plates]
        self.characters, self.regions = _looks(net, [held_back.cut(plate) for plate in self.plates])
        self.texts = torch.tensor([written(plate.plate) for plate in self.plates])
        self.countries = torch.tensor(
            [REGIONS.index(plate.region) if plate.region in REGIONS else 0 for plate in self.plates]
        )
        self.weights = torch.tensor([1 / len(plates) for plates in groups for _ in plates])

    def temperature(self) -> float:
        """That of the characters."""
        weights = self.weights.repeat_interleave(PLACES)
        return _temperature(self.characters.flatten(0, 1), self.texts.flatten(), weights)

    def look_again(self, net: nn.Module, temperature: float) -> None:
        """Put the mean of two looks in place of the first where the engine, at that temperature, has it."""
        surest = (self.characters / temperature).softmax(2).max(2).values.prod(1)
        doubted = ((surest >= _HOPELESS) & (surest < _SURE)).tolist()
        again = [place for place, plate in enumerate(self.plates) if plate.box is not None and doubted[place]]
        if not again:
            return
        characters, regions = _looks(net, [held_back.cut(self.plates[place], held_back.WIDER) for place in again])
        self.characters[again] = (self.characters[again] + characters) / 2
        self.regions[again] = (self.regions[again] + regions) / 2


def _looks(net: nn.Module, crops: list[Picture]) -> tuple[Tensor, Tensor]:
    outputs = [held_back.logits(net, crops[first : first + 128]) for first in range(0, len(crops), 128)]
    characters, regions = zip(*outputs, strict=True)
    return torch.cat(characters).cpu().float(), torch.cat(regions).cpu().float()


def _temperature(logits: Tensor, truth: Tensor, weights: Tensor) -> float:
    """That by which the truth is least surprising."""
    if float(weights.sum()) == 0:
        return 1.0
    losses = []
    for temperature in _TEMPERATURES:
        surprise = functional.cross_entropy(logits / float(temperature), truth, reduction="none")
        losses.append(float((surprise * weights).sum()))
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def _judged(seen: _Seen, temperature: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of each crop the probability of its most probable text, and whether that is what it says."""
    chances = (seen.characters / temperature).softmax(2)
    best, classes = chances.max(2)
    confidences, right = [], []
    for place, row in enumerate(classes.tolist()):
        text = held_back.text(row)
        used = min(len(text) + 1, PLACES)
        confidences.append(float(best[place, :used].prod()))
        right.append(text == held_back.text(seen.texts[place].tolist()))
    return np.array(confidences), np.array(right)


if __name__ == "__main__":
    main()
