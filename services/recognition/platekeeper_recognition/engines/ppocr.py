"""The engine `ppocr`: PP-OCRv6 small, bundled with rapidocr (Apache-2.0), on onnxruntime. It never uses the network."""

import logging
import unicodedata
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import rapidocr
from numpy.typing import NDArray
from omegaconf import OmegaConf
from rapidocr import EngineType, LangRec
from rapidocr.ch_ppocr_det import TextDetector
from rapidocr.ch_ppocr_rec import TextRecognizer

from platekeeper_common.events.recognition import Model
from platekeeper_recognition.engines import ctc, sessions
from platekeeper_recognition.engines.protocol import DASH, GAP, SIGN, Area, LineEngine, Picture, Reading

_MODELS = Path(rapidocr.__file__).parent / "models"
_DETECTOR, _READER = _MODELS / "PP-OCRv6_det_small.onnx", _MODELS / "PP-OCRv6_rec_small.onnx"
_TEXT_THRESHOLD, _BOX_THRESHOLD = 0.3, 0.4
"""A pixel is text, and a box is kept, above these; lower finds smaller plates and widens the boxes of all."""
_LONGEST_SIDE = 960
"""Pixels to which frames are brought unless the settings say otherwise."""
_LOOKS = (0.0, 0.075, 0.125)
"""Each crop is read whole and again without these shares of its rows above and below, where frames and slogans are."""
_BATCH, _HEIGHT, _WIDTH = 6, 48, 320
"""Crops per run of the reader, and the size in pixels that it was made for; longer lines are given more width."""
_GAPS = frozenset(".,'`*_\"\u00b4\u00b7\u2019\u2022\u30fb")


def open_engine(*, longest_side: int | None, threads: int) -> LineEngine:
    """Load both models (31 MB). Frames are brought to `longest_side` pixels at most before text is sought; None: 960.

    Raises EngineUnavailable when a model file is missing.
    """
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    side = longest_side or _LONGEST_SIDE
    detector, reader = PpocrDetector(side, threads), PpocrReader(threads)
    return LineEngine(detector, reader, _model("ppocr", _DETECTOR, _READER), side)


class PpocrDetector:
    """Finds lines of text. The boxes hug the letters, so a state's name above a serial is a line of its own."""

    def __init__(self, longest_side: int, threads: int) -> None:
        """Load the model."""
        self.model = _model("ppocr-detector", _DETECTOR)
        self._find = TextDetector(
            _config(
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
        self.model = _model("ppocr-reader", _READER)
        self._recogniser = TextRecognizer(
            _config(
                session=sessions.session(_READER, threads),
                lang_type=LangRec.CH,
                rec_batch_num=_BATCH,
                rec_img_shape=[3, _HEIGHT, _WIDTH],
            )
        )
        self._columns = _columns(self._recogniser.postprocess_op.character)

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
            widest = max(_WIDTH / _HEIGHT, *(_proportion(crops[place]) for place in places))
            inputs = np.stack([self._recogniser.resize_norm_img(crops[place], widest) for place in places])
            raw = self._recogniser.session(inputs.astype(np.float32))
            narrow = np.stack([raw[:, :, columns].sum(axis=2) for columns in self._columns], axis=2)
            outputs.update(zip(places, narrow, strict=True))
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


def _columns(alphabet: Sequence[str]) -> list[list[int]]:
    """For the blank and each symbol of ours, the columns of the network's 18,710 that mean it; other scripts none."""
    columns: list[list[int]] = [[0], *([] for _ in ctc.SYMBOLS)]
    for column, character in enumerate(alphabet):
        if column and (symbol := _symbol(character)) is not None:
            columns[1 + ctc.SYMBOLS.index(symbol)].append(column)
    return columns


def _symbol(character: str) -> str | None:
    category = unicodedata.category(character[0])
    if character in _GAPS or category == "Zs":
        return GAP
    if category == "Pd":
        return DASH
    plain = unicodedata.normalize("NFKD", character).upper()[:1]
    if plain.isascii() and plain.isalnum():
        return plain
    return None if character.isalnum() else SIGN


def _config(**settings: Any) -> Any:
    return OmegaConf.create({"engine_type": EngineType.ONNXRUNTIME, **settings}, flags={"allow_objects": True})


def _model(name: str, *files: Path) -> Model:
    return Model(name, f"PP-OCRv6-small (rapidocr {version('rapidocr')})", sessions.checksum(*files))
