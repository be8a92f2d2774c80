"""Exports the reader to ONNX: `python -m platekeeper_training.reader.export --weights best.pt --out reader.onnx`.

The confidences are made honest by the held-back photographs: the logits are divided by a temperature (Guo et al. 2017),
and what is left between the probability of a text and how often it is right, once the platform's own engine has looked
twice and asked for a second opinion, is told to it as points of a rising line. Both stand in the file, as JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from platekeeper_recognition import pictures
from platekeeper_recognition.engines.opinion import Opinion
from platekeeper_recognition.engines.plate_models import OnnxReader
from platekeeper_training.calibration import rising
from platekeeper_training.drawing.paint import Picture
from platekeeper_training.reader import held_back
from platekeeper_training.reader.network import ALPHABET, HEIGHT, PLACES, WIDTH, ReaderNet
from platekeeper_training.reader.shards import REGIONS, written

_TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(4.0), 61))
_AS_IT_IS = [[0.0, 0.0], [1.0, 1.0]]
"""The line of a reader that is believed."""


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
    held = _HeldBack(options.photographs)
    told |= held.temperatures(net)
    export(net, told | {"calibration": _AS_IT_IS}, options.out)
    told["calibration"] = held.calibration(options.out)
    tell(options.out, told)
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
    tell(out, told)


def tell(file: Path, told: dict[str, object]) -> None:
    """Let a model's metadata say that and nothing else."""
    model = onnx.load(file)
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in told.items()})
    onnx.save(model, file)


class _HeldBack:
    """The held-back photographs; every folder counts alike, however many plates it has."""

    def __init__(self, photographs: Path | None) -> None:
        groups = list(held_back.plates(photographs).values()) if photographs else []
        self.plates = [plate for plates in groups for plate in plates]
        self.weights = torch.tensor([1 / len(plates) for plates in groups for _ in plates])

    def temperatures(self, net: nn.Module) -> dict[str, object]:
        """`temperature` and `region_temperature`, by one look at each crop."""
        if not self.plates:
            return {"temperature": 1.0, "region_temperature": 1.0}
        some = [self.plates[first : first + 128] for first in range(0, len(self.plates), 128)]
        looks = [held_back.logits(net, [held_back.cut(plate) for plate in plates]) for plates in some]
        characters, regions = (torch.cat(outputs).cpu().float() for outputs in zip(*looks, strict=True))
        texts = torch.tensor([written(plate.plate) for plate in self.plates])
        known = [REGIONS.index(plate.region) if plate.region in REGIONS else 0 for plate in self.plates]
        countries = torch.tensor(known)
        weights = self.weights.repeat_interleave(PLACES)
        return {
            "temperature": _temperature(characters.flatten(0, 1), texts.flatten(), weights),
            "region_temperature": _temperature(regions, countries, self.weights * (countries != 0)),
        }

    def calibration(self, file: Path) -> list[list[float]]:
        """What the engine should make of the probabilities that it finds with a reader that is believed."""
        if not self.plates:
            return _AS_IT_IS
        reader = OnnxReader(file, threads=torch.get_num_threads(), opinion=Opinion(torch.get_num_threads()))
        said = reader.read([held_back.cut(plate) for plate in self.plates], self._wider)
        first = [each.readings[0] if each.readings else None for each in said]
        stated = np.array([reading.confidence if reading else 0.0 for reading in first])
        texts = [reading.text if reading else "" for reading in first]
        right = np.array([text == plate.plate for text, plate in zip(texts, self.plates, strict=True)])
        return rising(stated, right, self.weights.numpy())

    def _wider(self, place: int) -> Picture:
        return held_back.cut(self.plates[place], pictures.WIDER)


def _temperature(logits: Tensor, truth: Tensor, weights: Tensor) -> float:
    """That by which the truth is least surprising."""
    if float(weights.sum()) == 0:
        return 1.0
    losses = []
    for temperature in _TEMPERATURES:
        surprise = functional.cross_entropy(logits / float(temperature), truth, reduction="none")
        losses.append(float((surprise * weights).sum()))
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


if __name__ == "__main__":
    main()
