"""The demonstration's drawn frames, and what an engine makes of them."""

from collections.abc import Sequence

import numpy as np

from platekeeper.demo.street import samples
from platekeeper_recognition import pictures, reading
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines.protocol import Engine, Picture, PlateEngine
from platekeeper_recognition.plate_formats import REGIONS

EXPECT = Expectation((REGIONS["us"],), least_confidence=0.2)


def frames() -> list[Picture]:
    """All that are drawn, one of another size, and one that shows nothing."""
    drawn = [pictures.decode(sample.image(), max_pixels=1_000_000) for sample in samples()]
    return [*drawn, drawn[0][200:, 300:], np.full((270, 480, 3), 127, dtype=np.uint8)]


def crops(engine: PlateEngine) -> list[Picture]:
    """Those that the engine's reader is given of all frames."""
    found = engine.detector.detect(frames())
    return [pictures.plate(frame, spot) for frame, spots in zip(frames(), found, strict=True) for spot in spots]


def read(engine: Engine, expect: Expectation = EXPECT) -> list[list[Plate]]:
    """The plates of all frames, through the door that the service uses."""
    return reading.read_frames(engine, frames(), expect)


def texts(plates: Sequence[Plate]) -> list[str]:
    """What they say."""
    return [plate.candidates[0].plate for plate in plates]
