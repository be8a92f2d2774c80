"""The sample frames that stand in for cameras: drawn by `draw.py`, each with the plate that it shows."""

import json
from dataclasses import dataclass
from pathlib import Path

FRAMES = Path(__file__).parent / "frames"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample frame: its file, the plate on the vehicle, which of the three cameras took it, day or night."""

    file: str
    plate: str
    camera: int
    light: str

    def image(self) -> bytes:
        """The JPEG."""
        return (FRAMES / self.file).read_bytes()


def samples() -> tuple[Sample, ...]:
    """All sample frames, in the order in which the demonstration posts them."""
    return tuple(Sample(**row) for row in json.loads((FRAMES / "frames.json").read_text()))
