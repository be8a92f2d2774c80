"""The engine `paddleocr`: our own detector, and a reader that PaddleOCR runs from a local folder, on onnxruntime.

The folder is our reader as the training exports it (`platekeeper_training.reader.export_paddle`). Its graph also
calibrates, so the score that PaddleOCR tells is the confidence of the text. It tells no other candidates and no region.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from platekeeper_common.events.recognition import Model
from platekeeper_recognition.engines import plate_models, sessions
from platekeeper_recognition.engines.plate_models import DETECTOR, SHORTEST, OnnxDetector
from platekeeper_recognition.engines.protocol import EngineUnavailable, Picture, PlateEngine, Reading, Said, Wider
from platekeeper_recognition.engines.sessions import ReaderName

_FILES = ("inference.onnx", "inference.yml")
_BATCH = 32
"""Crops in a run at most."""


def open_engine(*, longest_side: int | None, threads: int, reader_folder: Path) -> PlateEngine:
    """Load our detector and the folder's reader; never from the network. Raises EngineUnavailable."""
    detector = OnnxDetector(DETECTOR, longest_side=longest_side, threads=threads)
    reader = PaddleReader(reader_folder, threads=threads)
    files = (DETECTOR, *(reader_folder / name for name in _FILES))
    model = plate_models.together("paddleocr", (detector.model, reader.model), *files)
    return PlateEngine(detector, reader, model, detector.longest_side)


class PaddleReader:
    """Reads plates; one candidate each."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Load the folder's model. Raises EngineUnavailable when a file is missing or none that PaddleOCR runs."""
        files = [folder / name for name in _FILES]
        for file in files:
            if not file.is_file():
                raise EngineUnavailable(f"PLATEKEEPER_RECOGNITION_READER_FOLDER: there is no file {file}")
        named = sessions.facts(sessions.session(files[0], threads), files[0], ReaderName)
        self._folder = tempfile.TemporaryDirectory(prefix="platekeeper-paddleocr-")
        os.environ.setdefault("PADDLE_PDX_CACHE_HOME", self._folder.name)  # where it writes its locks
        os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
        from paddleocr import TextRecognition

        device = "gpu" if sessions.best_providers() != sessions.CPU else "cpu"
        options = {"intra_op_num_threads": threads, "inter_op_num_threads": 1, "enable_cpu_mem_arena": False}
        try:
            self._recogniser = TextRecognition(
                model_name="en_PP-OCRv5_mobile_rec",
                model_dir=str(folder),
                engine="onnxruntime",
                device=device,
                engine_config=options,
            )
        except Exception as error:  # a class of its own for each thing that may be wrong with a folder
            raise EngineUnavailable(
                f"PLATEKEEPER_RECOGNITION_READER_FOLDER: PaddleOCR cannot run {folder}: {sessions.in_one_line(error)}"
            ) from error
        self.model = Model(named.name, named.version, sessions.checksum(*files))

    def read(self, crops: Sequence[Picture], wider: Wider | None = None) -> list[Said]:  # noqa: ARG002 - never in doubt
        """What each crop says, by one look. Crops are stretched first, so PaddleOCR's own resizing changes nothing."""
        stretched = [plate_models.stretch(crop) for crop in crops]
        results = self._recogniser.predict(stretched, batch_size=_BATCH) if stretched else []
        return [_said(each["rec_text"], float(each["rec_score"])) for each in results]


def _said(text: str, confidence: float) -> Said:
    return Said([Reading(text, confidence)] if len(text) >= SHORTEST else [])
