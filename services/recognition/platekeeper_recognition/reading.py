"""From pictures to plates: detect, straighten, read, decide. Computes for long: never call it in the event loop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from platekeeper_common.events.recognition import Box
from platekeeper_recognition import domain, pictures
from platekeeper_recognition.domain import Expectation, Line, Plate
from platekeeper_recognition.engines.protocol import Engine, Picture

_AROUND = 0.15
"""Text at the rim of a given box is only found with a little of what lies around it."""

_CROP_MARGIN = 0.7
"""Around the serial, in heights of it: the rest of the plate, and a little of the car."""


@dataclass(frozen=True, slots=True)
class PlateAndCrop:
    """A plate and, as JPEG, what was cut out of the frame around it."""

    plate: Plate
    crop: bytes


def read_and_cut(engine: Engine, frames: Sequence[Picture], expect: Expectation) -> list[list[PlateAndCrop]]:
    """The plates of each frame, from the left, each with its crop."""
    return [
        [PlateAndCrop(plate, _crop(frame, plate)) for plate in plates]
        for frame, plates in zip(frames, read_frames(engine, frames, expect), strict=True)
    ]


def read_frames(engine: Engine, frames: Sequence[Picture], expect: Expectation) -> list[list[Plate]]:
    """The plates of each frame, from the left."""
    plates = []
    for frame, lines in zip(frames, _read_lines(engine, frames), strict=True):
        height, width = frame.shape[:2]
        plates.append(domain.find_plates(lines, expect, width=width, height=height))
    return plates


def read_boxes(
    engine: Engine, frames: Sequence[Picture], boxes: Sequence[Box], expect: Expectation
) -> list[Plate | None]:
    """The plate in one given box of each frame; None where none can be read. Places are the frame's."""
    cuts = [pictures.cut(frame, box, margin=_AROUND) for frame, box in zip(frames, boxes, strict=True)]
    found = []
    for (_, place), lines in zip(cuts, _read_lines(engine, [cut for cut, _ in cuts]), strict=True):
        plate = domain.plate_in_box(lines, expect, width=place.width, height=place.height)
        found.append(plate and replace(plate, box=_moved(plate.box, place)))
    return found


def _read_lines(engine: Engine, frames: Sequence[Picture]) -> list[list[Line]]:
    areas = [[area for area in found if domain.may_be_serial(area)] for found in engine.detector.detect(frames)]
    crops = [pictures.straighten(frame, area) for frame, found in zip(frames, areas, strict=True) for area in found]
    readings = iter(engine.reader.read(crops))
    return [[Line(area, next(readings)) for area in found] for found in areas]


def _crop(frame: Picture, plate: Plate) -> bytes:
    cut, _ = pictures.cut(frame, plate.box, margin=_CROP_MARGIN)
    return pictures.jpeg(cut)


def _moved(box: Box, place: Box) -> Box:
    return Box(box.x + place.x, box.y + place.y, box.width, box.height)
