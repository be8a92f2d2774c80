"""Models on onnxruntime: sessions, and what a model of ours says of itself."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import onnxruntime
from msgspec import Meta, Struct

from platekeeper_recognition.engines.protocol import EngineUnavailable

CPU = ("CPUExecutionProvider",)
_WANTED = ("CUDAExecutionProvider", *CPU)
Share = Annotated[float, Meta(ge=0, le=1)]
Facts = TypeVar("Facts", bound=Struct)


class DetectorFacts(Struct, frozen=True):
    """What a detector's file says of itself."""

    name: str
    version: str
    side: Annotated[int, Meta(ge=32)]
    """Pixels to which a picture's longer side is best brought."""
    threshold: Share
    """From which score a box is taken for a plate."""


class ReaderName(Struct, frozen=True):
    """What a reader's file says of itself when everything else is in its graph."""

    name: str
    version: str


class ReaderFacts(Struct, frozen=True):
    """What a reader's file says of itself."""

    name: str
    version: str
    alphabet: str
    regions: tuple[str, ...]
    """Names by class; empty for the class that says nothing."""
    temperature: Annotated[float, Meta(gt=0)]
    region_temperature: Annotated[float, Meta(gt=0)]
    calibration: Annotated[tuple[tuple[Share, Share], ...], Meta(min_length=1)]
    """Raw and measured probability of a text, rising."""


def best_providers() -> tuple[str, ...]:
    """CUDA where this onnxruntime has it, then the processor."""
    available = onnxruntime.get_available_providers()
    return tuple(provider for provider in _WANTED if provider in available)


def on_gpu(of: onnxruntime.InferenceSession) -> bool:
    """Whether the session's work is done on a GPU."""
    return bool(of.get_providers()[0] != CPU[0])


def session(path: Path, threads: int, providers: Sequence[str] = CPU) -> onnxruntime.InferenceSession:
    """A session that keeps no memory of its own between frames and does not spin while it waits.

    Raises EngineUnavailable when there is no such file, or no model in it.
    """
    if not path.is_file():
        raise EngineUnavailable(f"no model {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime has a class of its own for each way in which a file may be no model
        raise EngineUnavailable(f"{path} is no model that onnxruntime reads: {type(error).__name__}") from error


def facts(of: onnxruntime.InferenceSession, path: Path, kind: type[Facts]) -> Facts:
    """What the model says of itself. Raises EngineUnavailable naming the file and what is wrong or missing."""
    return told(of.get_modelmeta().custom_metadata_map, path, kind)


def told(metadata: dict[str, str], path: Path, kind: type[Facts]) -> Facts:
    """The same of metadata that are at hand: each value JSON; names that `kind` does not know are another's."""
    said = {}
    for name in kind.__struct_fields__:
        if name not in metadata:
            raise EngineUnavailable(f"{path} is no model of ours: its metadata lack {name!r}")
        try:
            said[name] = json.loads(metadata[name])
        except ValueError as error:
            raise EngineUnavailable(f"{path} is no model of ours: {name!r} in its metadata is not JSON") from error
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise EngineUnavailable(f"{path} is no model of ours: in its metadata {error}") from error


def in_one_line(error: Exception) -> str:
    """What a library says is wrong, as far as its first line."""
    return f"{type(error).__name__} {str(error).strip().partition(chr(10))[0]}".strip()


def checksum(*files: Path) -> str:
    """SHA-256 (hex) over the files, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
