"""Trains the plate detector: `python -m platekeeper_training.detector.train --scenes FOLDER --out FOLDER`.

Ultralytics does it, offline; a run that stopped goes on from its last epoch. On a GPU where there is one.
"""

import argparse
import os
from pathlib import Path
from typing import Any

NETWORK = Path(__file__).with_name("network.yaml")
SIDE = 448
"""Pixels of the longer side of a scene while it learns: a plate of 100 pixels in 1280 is 35 then."""


def train(
    scenes: Path, out: Path, begin: Path, *, epochs: int, rate: float, batch: int, workers: int, side: int, half: bool
) -> Path:
    """Train, or go on; the best weights by the held-back photographs.

    `begin`: the network (.yaml) or weights (.pt) to begin with; `rate`: the highest learning rate; `half`: multiply in
    bfloat16 on a CPU.
    """
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_CONFIG_DIR=str(out / "settings"))
    import torch
    from ultralytics import YOLO

    last = out / "run" / "weights" / "last.pt"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    going_on = last.exists()
    model = YOLO(str(last if going_on else begin))
    if half and device == "cpu":
        model.add_callback("on_train_start", _halve)
    if going_on:
        model.train(resume=True)
    else:
        model.train(
            data=str(scenes / "scenes.yaml"),
            epochs=epochs,
            imgsz=side,
            batch=batch,
            workers=workers,
            device=device,
            project=str(out),
            name="run",
            exist_ok=True,
            seed=7,
            deterministic=True,
            amp=device == "cuda",
            single_cls=True,
            optimizer="AdamW",
            lr0=rate,
            cos_lr=True,
            warmup_epochs=1,
            mosaic=0.8,
            close_mosaic=max(epochs // 6, 1),
            degrees=4,
            translate=0.1,
            scale=0.5,
            fliplr=0.0,
            plots=False,
            cache="ram",
        )
    return last.with_name("best.pt")


def _halve(trainer: Any) -> None:
    """Multiply in bfloat16 and answer, so weigh the loss, in single precision; Ultralytics does that on GPUs alone."""
    import torch

    net = trainer.model.to(memory_format=torch.channels_last)
    predict = net.predict

    def halved(images: Any, *rest: Any, **named: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            return _single(predict(images.contiguous(memory_format=torch.channels_last), *rest, **named))

    net.predict = halved


def _single(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _single(part) for name, part in answer.items()}
    if isinstance(answer, list | tuple):
        return type(answer)(_single(part) for part in answer)
    return answer.float() if hasattr(answer, "float") else answer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, required=True, help="what platekeeper_training.detector.scenes wrote")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder; a run there goes on")
    parser.add_argument(
        "--begin", type=Path, default=NETWORK, help="weights of an earlier run, to go on at another side"
    )
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of a scene's longer side")
    parser.add_argument("--half", action="store_true", help="multiply in bfloat16: for processors that can")
    options = parser.parse_args()
    settings = {name: getattr(options, name) for name in ("epochs", "rate", "batch", "workers", "side", "half")}
    print(train(options.scenes, options.out, options.begin, **settings))


if __name__ == "__main__":
    main()
