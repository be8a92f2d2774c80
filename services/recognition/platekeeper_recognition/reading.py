"""From pictures to plates: detect, cut, read, decide; a batch at a time.

It computes for long: never call it in the event loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from platekeeper_common.events.recognition import Box
from platekeeper_recognition import domain, lines, pictures, plates
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines.protocol import Engine, LineEngine, Picture, PlateEngine, Spot
from platekeeper_recognition.lines import Line
from platekeeper_recognition.plates import Read

_AROUND = 0.15
"""Text at the rim of a given box is only found with a little of what lies around it."""

_AROUND_SERIAL, _AROUND_PLATE = 0.7, 0.3
"""What a kept crop shows around the box, in heights of it: the rest of the plate, and a little of the car."""


@dataclass(frozen=True, slots=True)
class PlateAndCrop:
    """A plate and, as JPEG, what was cut out of the frame around it."""

    plate: Plate
    crop: bytes
    place: Box
    """What of the frame the crop shows: at the rim less than around other plates."""


def read_and_cut(engine: Engine, frames: Sequence[Picture], expect: Expectation) -> list[list[PlateAndCrop]]:
    """The plates of each frame, from the left, each with its crop."""
    margin = _AROUND_SERIAL if isinstance(engine, LineEngine) else _AROUND_PLATE
    return [
        [_with_crop(frame, plate, margin) for plate in found]
        for frame, found in zip(frames, read_frames(engine, frames, expect), strict=True)
    ]


def read_frames(engine: Engine, frames: Sequence[Picture], expect: Expectation) -> list[list[Plate]]:
    """The plates of each frame, from the left."""
    if isinstance(engine, PlateEngine):
        spots = engine.detector.detect(frames)
        return [plates.find_plates(reads, expect) for reads in _read_spots(engine, frames, spots)]
    return [
        lines.find_plates(found, expect, width=frame.shape[1], height=frame.shape[0])
        for frame, found in zip(frames, _read_lines(engine, frames), strict=True)
    ]


def read_boxes(
    engine: Engine, frames: Sequence[Picture], boxes: Sequence[Box], expect: Expectation
) -> list[Plate | None]:
    """The plate in one given box of each frame; None where none can be read. Places are the frame's."""
    if isinstance(engine, PlateEngine):
        spots = [[Spot(box.x, box.y, box.x + box.width, box.y + box.height, 1.0)] for box in boxes]
        return [plates.plate_in_box(read, expect) for (read,) in _read_spots(engine, frames, spots)]
    cuts = [pictures.cut(frame, box, margin=_AROUND) for frame, box in zip(frames, boxes, strict=True)]
    found = []
    for (_, place), read in zip(cuts, _read_lines(engine, [cut for cut, _ in cuts]), strict=True):
        plate = lines.plate_in_box(read, expect, width=place.width, height=place.height)
        found.append(plate and replace(plate, box=_moved(plate.box, place)))
    return found


def _read_spots(engine: PlateEngine, frames: Sequence[Picture], spots: Sequence[Sequence[Spot]]) -> list[list[Read]]:
    """What stands in the spots of each frame; all crops of the batch are read together."""
    places = [(frame, spot) for frame, found in zip(frames, spots, strict=True) for spot in found]
    crops = [pictures.plate(frame, spot) for frame, spot in places]
    said = iter(engine.reader.read(crops, lambda place: pictures.plate(*places[place], around=pictures.WIDER)))
    return [[Read(_box(spot, frame), next(said)) for spot in found] for frame, found in zip(frames, spots, strict=True)]


def _read_lines(engine: LineEngine, frames: Sequence[Picture]) -> list[list[Line]]:
    areas = [[area for area in found if lines.may_be_serial(area)] for found in engine.detector.detect(frames)]
    crops = [pictures.straighten(frame, area) for frame, found in zip(frames, areas, strict=True) for area in found]
    readings = iter(engine.reader.read(crops))
    return [[Line(area, next(readings)) for area in found] for found in areas]


def _with_crop(frame: Picture, plate: Plate, margin: float) -> PlateAndCrop:
    cut, place = pictures.cut(frame, plate.box, margin=margin)
    return PlateAndCrop(plate, pictures.jpeg(cut), place)


def _box(spot: Spot, frame: Picture) -> Box:
    height, width = frame.shape[:2]
    return domain.box((spot.left, spot.top, spot.right, spot.bottom), width, height)


def _moved(box: Box, place: Box) -> Box:
    return Box(box.x + place.x, box.y + place.y, box.width, box.height)
