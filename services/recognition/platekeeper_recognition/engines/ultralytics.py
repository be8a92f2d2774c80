"""The engine `ultralytics`: our detector's weights (.pt), run by Ultralytics on torch, and our reader on onnxruntime.

For owners of a GPU whose torch is set up already: the detector runs there when torch sees one.
"""

import os
import tempfile
from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path

from platekeeper_common.events.recognition import Model
from platekeeper_recognition.engines import boxes, plate_models, sessions
from platekeeper_recognition.engines.opinion import FILE as OPINION
from platekeeper_recognition.engines.opinion import Opinion
from platekeeper_recognition.engines.plate_models import DETECTOR, READER, OnnxReader
from platekeeper_recognition.engines.protocol import EngineUnavailable, Picture, PlateEngine, Spot
from platekeeper_recognition.engines.sessions import DetectorFacts


def open_engine(*, longest_side: int | None, threads: int, weights: Path) -> PlateEngine:
    """Load the weights and our reader; never from the network.

    Size and threshold are those of our own detector, of which the weights are another form. Raises EngineUnavailable.
    """
    facts = sessions.facts(sessions.session(DETECTOR, threads), DETECTOR, DetectorFacts)
    detector = TorchDetector(weights, facts, longest_side=longest_side or facts.side, threads=threads)
    opinion = Opinion(threads)
    reader = OnnxReader(READER, threads=threads, opinion=opinion)
    models = (detector.model, reader.model, opinion.model)
    model = plate_models.together("ultralytics", models, weights, READER, OPINION)
    return PlateEngine(detector, reader, model, detector.longest_side)


class TorchDetector:
    """Finds plates."""

    def __init__(self, weights: Path, facts: DetectorFacts, *, longest_side: int, threads: int) -> None:
        """Load the weights. Raises EngineUnavailable when Ultralytics cannot run them or they find other things too."""
        self._folder = tempfile.TemporaryDirectory(prefix="platekeeper-ultralytics-")
        os.environ.setdefault("YOLO_CONFIG_DIR", self._folder.name)  # where it writes its settings
        os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_VERBOSE="false")
        import torch
        import ultralytics

        ultralytics.settings.update({"sync": False})
        self.longest_side, self._threshold = longest_side, facts.threshold
        try:
            self._network = ultralytics.YOLO(str(weights), task="detect")
            _demand_finds_plates(self._network.task, self._network.names)
            self.detect([plate_models.blank()])
        except Exception as error:  # whatever torch makes of a file that it cannot load, or not run
            raise EngineUnavailable(
                f"PLATEKEEPER_RECOGNITION_WEIGHTS: Ultralytics cannot run {weights}: {sessions.in_one_line(error)}"
            ) from error
        self.model = Model(weights.stem, f"(ultralytics {version('ultralytics')})", sessions.checksum(weights))
        torch.set_num_threads(threads)  # the first run has set them to all cores but one

    def detect(self, pictures: Sequence[Picture]) -> list[list[Spot]]:
        """The plates of each picture; those of one size run together."""
        found: list[list[Spot]] = [[] for _ in pictures]
        for places in plate_models.like_sizes(pictures, plate_models.PICTURES):
            results = self._network.predict(
                [pictures[place] for place in places],
                imgsz=self.longest_side,
                conf=self._threshold,
                iou=boxes.OVERLAP,
                verbose=False,
                save=False,
            )
            for place, result in zip(places, results, strict=True):
                found[place] = [_spot(*row) for row in result.boxes.data.tolist()]
        return found


def _demand_finds_plates(task: str | None, kinds: Collection[object]) -> None:
    """Of a network that tells several kinds of things apart, cars would become plates."""
    if task != "detect" or len(kinds) != 1:
        raise ValueError(f"it must find plates and nothing else, but is made to {task} {len(kinds)} kinds of things")


def _spot(left: float, top: float, right: float, bottom: float, score: float, _kind: float) -> Spot:
    return Spot(left, top, right, bottom, score)
