"""The engine `ppocr`: PP-OCRv6 small, bundled with rapidocr (Apache-2.0), on onnxruntime. It never uses the network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidocr.ch_ppocr_det import TextDetector

from platekeeper_recognition.engines import ctc, ppocr_network, sessions
from platekeeper_recognition.engines.ppocr_network import HEIGHT, USUAL_WIDTH, PpocrNetwork
from platekeeper_recognition.engines.protocol import Area, LineEngine, Picture, Reading

_DETECTOR, _READER = ppocr_network.MODELS / "PP-OCRv6_det_small.onnx", ppocr_network.FILE
_TEXT_THRESHOLD, _BOX_THRESHOLD = 0.3, 0.4
"""A pixel is text, and a box is kept, above these; lower finds smaller plates and widens the boxes of all."""
_LONGEST_SIDE = 960
"""Pixels to which frames are brought unless the settings say otherwise."""
_LOOKS = (0.0, 0.075, 0.125)
"""Each crop is read whole and again without these shares of its rows above and below, where frames and slogans are."""
_BATCH = 6
"""Crops per run of the reader; longer lines than it was made for are given more width."""


def open_engine(*, longest_side: int | None, threads: int) -> LineEngine:
    """Load both models (31 MB). Frames are brought to `longest_side` pixels at most before text is sought; None: 960.

    Raises EngineUnavailable when a model file is missing.
    """
    side = longest_side or _LONGEST_SIDE
    detector, reader = PpocrDetector(side, threads), PpocrReader(threads)
    return LineEngine(detector, reader, ppocr_network.model("ppocr", _DETECTOR, _READER), side)


class PpocrDetector:
    """Finds lines of text. The boxes hug the letters, so a state's name above a serial is a line of its own."""

    def __init__(self, longest_side: int, threads: int) -> None:
        """Load the model."""
        self.model = ppocr_network.model("ppocr-detector", _DETECTOR)
        self._find = TextDetector(
            ppocr_network.config(
                session=sessions.session(_DETECTOR, threads),
                limit_side_len=longest_side,
                limit_type="max",
                thresh=_TEXT_THRESHOLD,
                box_thresh=_BOX_THRESHOLD,
            )
        )

    def detect(self, pictures: Sequence[Picture]) -> list[list[Area]]:
        """The lines of text in each picture, one picture after the other: on a CPU stacking them gains nothing."""
        return [self._lines(picture) for picture in pictures]

    def _lines(self, picture: Picture) -> list[Area]:
        found = self._find(picture)
        return [] if found.boxes is None else [_area(box) for box in found.boxes]


class PpocrReader:
    """Reads lines. Its alternatives are alternatives of the network, from a beam search over its raw output."""

    def __init__(self, threads: int) -> None:
        """Load the model and its alphabet."""
        self._network = PpocrNetwork(threads)
        self.model = self._network.model

    def read(self, crops: Sequence[Picture]) -> list[list[Reading]]:
        """What each crop may say: the mean over its looks of the probability of each text."""
        looks = [look for crop in crops for look in _looks(crop)]
        read = [ctc.readings(output) for output in self._outputs(looks)]
        step = len(_LOOKS)
        return [_mean(read[first : first + step]) for first in range(0, len(read), step)]

    def _outputs(self, crops: Sequence[Picture]) -> list[NDArray[np.float32]]:
        """The narrowed output of each crop; those of like proportions run together."""
        order = sorted(range(len(crops)), key=lambda place: _proportion(crops[place]))
        outputs: dict[int, NDArray[np.float32]] = {}
        for first in range(0, len(order), _BATCH):
            places = order[first : first + _BATCH]
            some = [crops[place] for place in order[first : first + _BATCH]]
            widest = max(USUAL_WIDTH / HEIGHT, *(_proportion(crop) for crop in some))
            outputs.update(zip(places, self._network.outputs(some, widest), strict=True))
        return [outputs[place] for place in range(len(crops))]


def _looks(crop: Picture) -> list[Picture]:
    height = crop.shape[0]
    cuts = (round(height * share) for share in _LOOKS)
    return [crop[cut : height - cut] for cut in cuts]


def _mean(looks: Sequence[Sequence[Reading]]) -> list[Reading]:
    sums: dict[str, float] = {}
    for readings in looks:
        for reading in readings:
            sums[reading.text] = sums.get(reading.text, 0.0) + reading.confidence
    means = [Reading(text, total / len(looks)) for text, total in sums.items()]
    return sorted(means, key=lambda reading: (-reading.confidence, reading.text))


def _proportion(crop: Picture) -> float:
    height, width = crop.shape[:2]
    return float(width / height)


def _area(box: NDArray[np.float32]) -> Area:
    first, second, third, fourth = ((float(x), float(y)) for x, y in box)
    return Area((first, second, third, fourth))
