"""Scenes for the detector, as Ultralytics reads them: real photographs, and the same with drawn plates in the places.

A drawn plate where a real one hangs keeps all that tells a plate from a sign or a grille: the vehicle around it, its
size and its light. Photographs without plates teach what is none; some get a drawn plate too.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from platekeeper_training import photographs
from platekeeper_training.drawing import plates, views
from platekeeper_training.drawing.designs import designs
from platekeeper_training.drawing.paint import Fonts, Picture
from platekeeper_training.drawing.views import Hardness
from platekeeper_training.photographs import Labelled

LONGEST = 960
"""Pixels of a scene's longer side; larger photographs are brought down."""
_LEAST_WIDE = 18
"""Pixels: in a smaller place no plate is drawn."""
_LEAST_SHARE = 0.04
"""Of a scene's width, that a plate takes which is put into it."""
_SQUARISH = 2.7
"""Width by height below which a place holds an American plate, above a European one."""

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""


def write(folder: Path, out: Path, fonts: Fonts, *, variants: int, seed: int) -> int:
    """Write `images/` and `labels/` of `train` and `held-back` under `out`, and `scenes.yaml`. How many scenes."""
    count = 0
    for file, boxes in sorted(scenes(folder).items()):
        held_back = Labelled(file, "", None, "").held_back
        whole, scale = _brought_down(photographs.picture(file))
        scaled = [tuple(side * scale for side in box) for box in boxes]
        name = f"{file.parent.name}-{file.stem}"
        _put(out, "held-back" if held_back else "train", name, whole, scaled)  # type: ignore[arg-type]
        count += 1
        if held_back:
            continue
        for variant in range(variants):
            random = np.random.default_rng((seed, count, variant))
            drawn, places = _redrawn(whole, scaled, fonts, random)  # type: ignore[arg-type]
            _put(out, "train", f"{name}-{variant}", drawn, places)
    lines = [f"path: {out.resolve()}", "train: images/train", "val: images/held-back", "names: [plate]"]
    (out / "scenes.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return count


def scenes(folder: Path) -> dict[Path, list[Box]]:
    """Every photograph that is no crop, with the boxes of its plates; and what is named as showing none."""
    found: dict[Path, list[Box]] = defaultdict(list)
    for each in sorted(folder.iterdir()):
        found |= {file: [] for file in photographs.without_plates(each)}
        if not each.name.startswith(("scenes-", "streets-", "background-")):
            continue
        found |= {file: [] for file in sorted(each.rglob("*.jpg"))}
        for labels in sorted(each.rglob("labels.csv")):
            for plate in photographs.labelled(labels.parent):
                if plate.box is None:
                    found.pop(plate.file, None)  # a crop of a plate, and no scene without one
                else:
                    found[plate.file].append(plate.box)
    return found


def _redrawn(whole: Picture, boxes: Sequence[Box], fonts: Fonts, random: Generator) -> tuple[Picture, list[Box]]:
    """The scene with other plates in its places, or with one put somewhere when it has none and is no small crop."""
    scene = whole.copy()
    targets = list(boxes)
    height, width = whole.shape[:2]
    if not targets and width * _LEAST_SHARE >= _LEAST_WIDE and random.random() < 0.6:
        across = width * random.uniform(_LEAST_SHARE, 0.3)
        tall = across / random.choice([2.0, 4.6])
        left = random.uniform(0, width - across)
        targets = [(left, random.uniform(height * 0.2, max(height - tall, height * 0.2 + 1)), across, tall)]
    places = [_drawn_into(scene, box, fonts, random) if box[2] >= _LEAST_WIDE else box for box in targets]
    mild = Hardness(0.5)
    lit = views.light(scene.astype(np.float32), random, mild)
    return views.sensor(lit, random, mild, across=float(scene.shape[1])), places


def _drawn_into(scene: Picture, box: Box, fonts: Fonts, random: Generator) -> Box:
    """Draw a plate over the box; the box that it takes."""
    left, top, width, height = box
    american = width / max(height, 1) < _SQUARISH
    known = [design for design in designs().values() if design.american == american]
    flat = plates.draw(known[int(random.integers(len(known)))], fonts, random)
    tall, wide = flat.picture.shape[:2]
    corners = views.corners(wide, tall, random, Hardness(0.5))
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.array([width, height], np.float32) * 1.04
    where = (corners - low) / (high - low) * size + (left - width * 0.02, top - height * 0.02)
    small = cv2.resize(flat.picture, (max(int(width), 8), max(int(height), 6)), interpolation=cv2.INTER_AREA)
    x, y, right, bottom = int(left), int(top), int(left + width), int(top + height)
    around = scene[max(y, 0) : bottom, max(x, 0) : right]
    lit = np.clip(small * float(0.5 + around.mean() / max(float(small.mean()), 1) * 0.5), 0, 255).astype(np.uint8)
    margin = int(height * 0.3) + 3
    from_x, from_y = max(x - margin, 0), max(y - margin, 0)
    part = np.ascontiguousarray(scene[from_y : bottom + margin, from_x : right + margin])
    views.place(lit, part, (where - (from_x, from_y)).astype(np.float32), random)
    scene[from_y : from_y + part.shape[0], from_x : from_x + part.shape[1]] = part
    low, high = where.min(axis=0), where.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def _brought_down(whole: Picture) -> tuple[Picture, float]:
    scale = min(LONGEST / max(whole.shape[:2]), 1.0)
    if scale == 1.0:
        return whole, 1.0
    size = (round(whole.shape[1] * scale), round(whole.shape[0] * scale))
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _put(out: Path, split: str, name: str, scene: Picture, boxes: Sequence[Box]) -> None:
    height, width = scene.shape[:2]
    for kind in ("images", "labels"):
        (out / kind / split).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out / "images" / split / f"{name}.jpg"), scene, [cv2.IMWRITE_JPEG_QUALITY, 92])
    lines = [
        f"0 {(x + w / 2) / width:.6f} {(y + h / 2) / height:.6f} {w / width:.6f} {h / height:.6f}"
        for x, y, w, h in boxes
    ]
    (out / "labels" / split / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, required=True, help="folder of folders of real pictures")
    parser.add_argument("--fonts", type=Path, required=True, help="where the fonts are, or are put")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", type=int, default=2, help="redrawn scenes for each photograph")
    options = parser.parse_args()
    fonts = Fonts.of(options.fonts)
    print(write(options.photographs, options.out, fonts, variants=options.variants, seed=7), "photographs")


if __name__ == "__main__":
    main()
