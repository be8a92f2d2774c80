"""Exports the detector: `python -m platekeeper_training.detector.export --weights best.pt --out detector.onnx`.

The ONNX file holds boxes before suppression; what the engine must know stands in its metadata, as JSON. `--pt` writes
the weights too, without the optimiser's state, for the engine that runs on Ultralytics.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

SIDE = 640
"""Pixels to which the engine brings the longer side of a frame."""
THRESHOLD = 0.25
"""A box that is less sure is none."""


def export(net: Any, told: dict[str, object], out: Path) -> None:
    """Write the network, for any number of pictures whose sides are multiples of 32."""
    import onnx
    import torch

    head = net.model[-1]
    head.export, head.format, head.dynamic = True, "onnx", True
    axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, SIDE, SIDE),),
        str(out),
        dynamo=False,
        opset_version=17,
        input_names=["images"],
        output_names=["boxes"],
        dynamic_axes={"images": axes, "boxes": {0: "batch", 2: "anchors"}},
    )
    model = onnx.load(out)
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in told.items()})
    onnx.save(model, out)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="best.pt of a run")
    parser.add_argument("--version", required=True, help="as it stands in reads (clause J1)")
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pt", type=Path, help="where the weights go for Ultralytics")
    options = parser.parse_args()
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
    import torch
    from ultralytics import YOLO

    if options.pt:
        kept = torch.load(options.weights, map_location="cpu", weights_only=False)
        model = (kept["ema"] or kept["model"]).half()
        torch.save(
            {"model": model, "train_args": {"task": "detect"}, "epoch": -1, "version": kept["version"]}, options.pt
        )
    told = {"name": "platekeeper-detector", "version": options.version}
    told |= {"side": options.side, "threshold": options.threshold}
    export(YOLO(str(options.weights)).model.float().eval().fuse(), told, options.out)


if __name__ == "__main__":
    main()
