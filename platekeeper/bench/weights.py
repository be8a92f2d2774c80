"""The files of our own models, as a model card lists them."""

import hashlib
from pathlib import Path

import platekeeper_recognition

FOLDER = Path(platekeeper_recognition.__file__).parent / "models"
SUFFIXES = (".onnx", ".pt")


def table(folder: Path = FOLDER) -> str:
    """Each file of weights (ONNX, .pt) with its size in bytes and its SHA-256."""
    rows = [
        f"| {path.name} | {path.stat().st_size:,} | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |"
        for path in sorted(folder.iterdir())
        if path.suffix in SUFFIXES
    ]
    return "\n".join(["| file | bytes | SHA-256 |", "| --- | ---: | --- |", *rows])
