"""The engine `onnx`: our own detector and reader, on onnxruntime. It never uses the network."""

from platekeeper_recognition.engines import plate_models
from platekeeper_recognition.engines.opinion import FILE as OPINION
from platekeeper_recognition.engines.opinion import Opinion
from platekeeper_recognition.engines.plate_models import DETECTOR, READER, OnnxDetector, OnnxReader
from platekeeper_recognition.engines.protocol import PlateEngine


def open_engine(*, longest_side: int | None, threads: int) -> PlateEngine:
    """Load both models; `longest_side` None: the one that the detector names.

    On CUDA where this onnxruntime has it, otherwise on so many threads. Raises EngineUnavailable.
    """
    detector = OnnxDetector(DETECTOR, longest_side=longest_side, threads=threads)
    opinion = Opinion(threads)
    reader = OnnxReader(READER, threads=threads, opinion=opinion)
    models = (detector.model, reader.model, opinion.model)
    model = plate_models.together("onnx", models, DETECTOR, READER, OPINION)
    return PlateEngine(detector, reader, model, detector.longest_side)
