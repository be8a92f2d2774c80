"""What `platekeeper bench recognition` says: a table for people, JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from platekeeper.bench.labels import Labelled
from platekeeper_common.events.recognition import Box, Model
from platekeeper_recognition import measure
from platekeeper_recognition.domain import Plate
from platekeeper_recognition.measure import FOUND, Outcome, Scene


@dataclass(frozen=True, slots=True)
class Setup:
    """What was measured, and how."""

    data: Path
    model: Model
    regions: tuple[str, ...]
    longest_side: int
    least_confidence: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One picture's outcome, and the milliseconds that reading it took on one thread."""

    labelled: Labelled
    scene: Scene
    wall_ms: float
    cpu_ms: float


def table(setup: Setup, measured: Sequence[Measured]) -> str:
    """The figures of the folder, one a line."""
    score = measure.total([each.scene for each in measured])
    crops = all(each.labelled.crop is not None for each in measured)
    rows = [
        ("exact", _share(score.exact, score.plates)),
        ("O as 0, I as 1", _share(score.folded, score.plates)),
        ("character error rate", _share(score.wrong_characters, score.characters)),
        ("nothing read", _share(score.missed, score.plates)),
    ]
    if not crops:
        rows += [
            (f"box found (IoU {FOUND})", _share(score.found, score.boxes)),
            (
                "false reads a scene",
                f"{score.false_reads / score.scenes:8.2f}     {score.false_reads} in all",
            ),
        ]
    rows += [
        ("ms a picture (processor)", f"{median(each.cpu_ms for each in measured):8.0f}     median, one thread"),
        ("ms a picture (clock)", f"{median(each.wall_ms for each in measured):8.0f}     median, one thread"),
    ]
    shown = "crops" if crops else "scenes"
    title = f"{setup.data.resolve().name}: {score.plates} plates in {score.scenes} {shown}"
    how = f"{setup.model.name}, {setup.model.version}; formats: {', '.join(setup.regions) or 'none'}"
    return "\n".join([title, how, "", *(f"  {name:<26}{value}" for name, value in rows), ""])


def as_json(setup: Setup, measured: Sequence[Measured]) -> bytes:
    """Setup, score, and every picture with what it shows and what was read."""
    score = asdict(measure.total([each.scene for each in measured]))
    told = {
        "data": str(setup.data),
        "model": {"name": setup.model.name, "version": setup.model.version, "checksum": setup.model.checksum},
        "regions": setup.regions,
        "longest_side": setup.longest_side,
        "least_confidence": setup.least_confidence,
        "score": score,
        "images": [_image(each) for each in measured],
    }
    return json.dumps(told, indent=1).encode() + b"\n"


def _image(each: Measured) -> dict[str, Any]:
    return {
        "file": each.labelled.path.name,
        "wall_ms": round(each.wall_ms, 1),
        "cpu_ms": round(each.cpu_ms, 1),
        "plates": [_outcome(outcome) for outcome in each.scene.outcomes],
        "false_reads": [_read(plate) for plate in each.scene.false_reads],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    told = {"plate": outcome.truth.plate, "box": _box(outcome.truth.box), "overlap": round(outcome.overlap, 3)}
    told["read"] = _read(outcome.read) if outcome.read else None
    if outcome.truth.plate:
        told |= {"exact": outcome.exact, "folded": outcome.folded, "wrong_characters": outcome.wrong_characters}
    return told


def _read(plate: Plate) -> dict[str, Any]:
    candidates = [[candidate.plate, candidate.confidence] for candidate in plate.candidates]
    return {"candidates": candidates, "box": _box(plate.box)}


def _box(box: Box) -> list[int]:
    return [box.x, box.y, box.width, box.height]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:8.1f} %   {part} of {whole}" if whole else f"{'-':>8}     none is labelled"
