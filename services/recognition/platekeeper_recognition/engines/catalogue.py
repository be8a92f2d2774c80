"""The engines that the settings may name. An engine's libraries are imported when it is opened, not before."""

from collections.abc import Callable, Mapping
from importlib import import_module

from platekeeper_recognition.engines.protocol import Engine

_MODULES: Mapping[str, str] = {"ppocr": "platekeeper_recognition.engines.ppocr"}
NAMES = tuple(_MODULES)


def open_engine(name: str, *, longest_side: int, threads: int) -> Engine:
    """Import and load the engine `name` of NAMES; takes seconds, so never in the event loop.

    Raises KeyError for another name, ImportError when its libraries are not installed, OSError when a model is missing.
    """
    opener: Callable[..., Engine] = import_module(_MODULES[name]).open_engine
    return opener(longest_side=longest_side, threads=threads)
