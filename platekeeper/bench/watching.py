"""Engines whose detector tells what it found, so that finding and reading are scored apart in one pass."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from platekeeper_common.events.recognition import Box, Model
from platekeeper_recognition import domain, lines
from platekeeper_recognition.engines.protocol import Area, Engine, Picture, PlateEngine, Spot

Found = TypeVar("Found")


class _Detector(Protocol[Found]):
    model: Model

    def detect(self, pictures: Sequence[Picture]) -> list[list[Found]]: ...


class Watched(Generic[Found]):
    """A detector, and what it found the last time."""

    def __init__(self, detector: _Detector[Found], box: Callable[[Found, int, int], Box]) -> None:
        """Nothing was found yet. `box`: the pixels of what is found in a picture of that width and height."""
        self.model = detector.model
        self._detector, self._box = detector, box
        self._found: list[list[Found]] = []
        self.seconds = 0.0
        """Of the processor, the last time."""

    def detect(self, pictures: Sequence[Picture]) -> list[list[Found]]:
        """What the detector finds."""
        began = time.process_time()
        self._found = self._detector.detect(pictures)
        self.seconds = time.process_time() - began
        return self._found

    def boxes(self, picture: Picture) -> list[Box]:
        """What was found the last time, when `picture` was looked at alone."""
        height, width = picture.shape[:2]
        return [self._box(each, width, height) for found in self._found for each in found]


def watched(engine: Engine) -> tuple[Engine, Watched[Spot] | Watched[Area]]:
    """The engine, and its detector to be asked afterwards."""
    if isinstance(engine, PlateEngine):
        plates = Watched(engine.detector, _of_plate)
        return replace(engine, detector=plates), plates
    found = Watched(engine.detector, lines.bounding_box)
    return replace(engine, detector=found), found


def _of_plate(spot: Spot, width: int, height: int) -> Box:
    return domain.box((spot.left, spot.top, spot.right, spot.bottom), width, height)
