"""PP-OCRv6 small's recogniser, bundled with rapidocr (Apache-2.0): what it says of lines, in our own symbols."""

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
from rapidocr.ch_ppocr_rec import TextRecognizer

from platekeeper_common.events.recognition import Model
from platekeeper_recognition.engines import ctc, sessions
from platekeeper_recognition.engines.protocol import DASH, GAP, SIGN, Picture

MODELS = Path(rapidocr.__file__).parent / "models"
FILE = MODELS / "PP-OCRv6_rec_small.onnx"
HEIGHT, USUAL_WIDTH = 48, 320
"""Pixels of a line as the network sees it, and the width that it was made for; any other will do."""
_GAPS = frozenset(".,'`*_\"\u00b4\u00b7\u2019\u2022\u30fb")


class PpocrNetwork:
    """The recogniser's network."""

    def __init__(self, threads: int, providers: Sequence[str] = sessions.CPU) -> None:
        """Load the model and its alphabet (21 MB). Raises EngineUnavailable when the file is missing."""
        self.model = model("ppocr-reader", FILE)
        self._recogniser = TextRecognizer(
            config(
                session=sessions.session(FILE, threads, providers),
                lang_type=LangRec.CH,
                rec_batch_num=1,
                rec_img_shape=[3, HEIGHT, USUAL_WIDTH],
            )
        )
        self._columns = _columns(self._recogniser.postprocess_op.character)

    def outputs(self, crops: Sequence[Picture], proportion: float) -> NDArray[np.float32]:
        """Crops x steps x (blank and `ctc.SYMBOLS`): the probabilities at each step; other scripts have none.

        Crops come to HEIGHT and keep their proportions; grey fills them up to `proportion` times as wide, and what is
        wider is narrowed.
        """
        inputs = np.stack([self._recogniser.resize_norm_img(crop, proportion) for crop in crops])
        raw = self._recogniser.session(inputs.astype(np.float32))
        return np.stack([raw[:, :, columns].sum(axis=2) for columns in self._columns], axis=2)


def config(**settings: Any) -> Any:
    """Settings as rapidocr's parts take them; what it writes of itself to the log, in a form of its own, ends here."""
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return OmegaConf.create({"engine_type": EngineType.ONNXRUNTIME, **settings}, flags={"allow_objects": True})


def model(name: str, *files: Path) -> Model:
    """As it stands in reads (clause J1)."""
    return Model(name, f"PP-OCRv6-small (rapidocr {version('rapidocr')})", sessions.checksum(*files))


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
