"""From pictures to plates: detect, straighten, read, decide. Computes for long: never call it in the event loop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from platekeeper_common.events.recognition import Box
from platekeeper_recognition import domain, pictures
from platekeeper_recognition.domain import Line, Plate
from platekeeper_recognition.engines.protocol import Area, Engine, Picture
from platekeeper_recognition.plate_formats import PlateFormats

_AROUND = 0.15
"""Text at the rim of a given box is only found with a little of what lies around it."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What counts as a plate here."""

    formats: tuple[PlateFormats, ...]
    """Of the regions whose plates are expected; the rest is read too, with more doubt."""
    least_confidence: float
    """0..1: a plate that is less sure is none."""


def read_frames(engine: Engine, frames: Sequence[Picture], expect: Expectation) -> list[list[Plate]]:
    """The plates of each frame, from the left."""
    plates = []
    for frame, lines in zip(frames, _read_lines(engine, frames), strict=True):
        height, width = frame.shape[:2]
        plates.append(
            domain.find_plates(
                lines,
                width=width,
                height=height,
                formats=expect.formats,
                least_confidence=expect.least_confidence,
            )
        )
    return plates


def read_boxes(
    engine: Engine, frames: Sequence[Picture], boxes: Sequence[Box], expect: Expectation
) -> list[Plate | None]:
    """The surest plate in one given box of each frame; None where none can be read. Places are the frame's."""
    cuts = [pictures.cut(frame, box, margin=_AROUND) for frame, box in zip(frames, boxes, strict=True)]
    found = read_frames(engine, [cut for cut, _ in cuts], expect)
    best = []
    for plates, (_, place) in zip(found, cuts, strict=True):
        surest = max(plates, key=lambda plate: plate.candidates[0].confidence, default=None)
        best.append(surest and replace(surest, number=1, box=_moved(surest.box, place)))
    return best


def _read_lines(engine: Engine, frames: Sequence[Picture]) -> list[list[Line]]:
    areas = [[area for area in found if domain.may_be_serial(area)] for found in engine.detector.detect(frames)]
    crops = [pictures.straighten(frame, area) for frame, found in zip(frames, areas, strict=True) for area in found]
    readings = iter(engine.reader.read(crops))
    return [[Line(area, next(readings)) for area in found] for found in areas]


def _moved(box: Box, place: Box) -> Box:
    return Box(box.x + place.x, box.y + place.y, box.width, box.height)


def whole(width: int, height: int) -> Area:
    """The area of a whole picture."""
    return Area(((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height))), 1.0)
