"""The engines that the settings may name. An engine's libraries are imported when it is opened, not before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from platekeeper_recognition.engines.protocol import Engine, EngineUnavailable

PREFIX = "PLATEKEEPER_RECOGNITION_"
"""What the names of recognition's settings begin with in the environment."""
_PACKAGE = "platekeeper-recognition"


@dataclass(frozen=True, slots=True)
class Kind:
    """What an engine needs beside what is always installed."""

    module: str
    extra: str = ""
    """The extra of our package that brings its library, whose name it has too."""
    setting: str = ""
    """The setting that names its model."""


_KINDS: Mapping[str, Kind] = {
    "onnx": Kind("onnx"),
    "ppocr": Kind("ppocr"),
    "ultralytics": Kind("ultralytics", extra="ultralytics", setting="weights"),
    "paddleocr": Kind("paddleocr", extra="paddleocr", setting="reader_folder"),
}
NAMES = tuple(_KINDS)


def missing_extra(name: str) -> str | None:
    """What to install for the engine `name` of NAMES; None when it is there."""
    extra = _KINDS[name].extra
    if not extra or find_spec(extra) is not None:
        return None
    return f"the engine {name} needs the extra {extra}: install {_PACKAGE}[{extra}]"


def missing_model(name: str, setting: str, path: Path | None) -> str | None:
    """Why the engine `name` cannot do with this value of the setting; None when it can, or does not ask for it."""
    if _KINDS[name].setting != setting:
        return None
    if path is None:
        return f"the engine {name} needs it"
    if setting == "weights":
        return None if path.is_file() else f"there is no file {path}"
    return None if path.is_dir() else f"there is no folder {path}"


def open_engine(
    name: str,
    *,
    threads: int,
    longest_side: int | None = None,
    weights: Path | None = None,
    reader_folder: Path | None = None,
) -> Engine:
    """Import and load the engine `name`; takes seconds, so never in the event loop.

    The longer side of pictures is brought to `longest_side` pixels to find plates; None: what suits the engine. Others'
    settings are ignored. Raises KeyError for none of NAMES, EngineUnavailable naming the extra, setting or file that is
    missing or wrong.
    """
    if (missing := missing_extra(name)) is not None:
        raise EngineUnavailable(missing)
    models = {"weights": weights, "reader_folder": reader_folder}
    for setting, path in models.items():
        if (missing := missing_model(name, setting, path)) is not None:
            raise EngineUnavailable(f"{PREFIX}{setting.upper()}: {missing}")
    kind = _KINDS[name]
    opener: Callable[..., Engine] = import_module(f"platekeeper_recognition.engines.{kind.module}").open_engine
    own = {kind.setting: models[kind.setting]} if kind.setting else {}
    return opener(longest_side=longest_side, threads=threads, **own)
