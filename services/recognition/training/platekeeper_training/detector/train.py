"""Trains the plate detector: `python -m platekeeper_training.detector.train --scenes FOLDER --out FOLDER`.

Ultralytics does it, offline; a run that stopped goes on from its last epoch. On a GPU where there is one.
"""

import argparse
import os
from pathlib import Path

NETWORK = Path(__file__).with_name("network.yaml")
SIDE = 448
"""Pixels of the longer side of a scene while it learns: a plate of 100 pixels in 1280 is 35 then."""


def train(scenes: Path, out: Path, *, epochs: int, batch: int, workers: int, side: int) -> Path:
    """Train, or go on; the best weights by the held-back photographs."""
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_CONFIG_DIR=str(out / "settings"))
    import torch
    from ultralytics import YOLO

    last = out / "run" / "weights" / "last.pt"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if last.exists():
        YOLO(str(last)).train(resume=True)
    else:
        YOLO(str(NETWORK)).train(
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
            lr0=2e-3,
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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, required=True, help="what platekeeper_training.detector.scenes wrote")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder; a run there goes on")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of a scene's longer side")
    options = parser.parse_args()
    scenes, out = options.scenes, options.out
    print(train(scenes, out, epochs=options.epochs, batch=options.batch, workers=options.workers, side=options.side))


if __name__ == "__main__":
    main()
