"""What lies in a folder while others write there."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Seen = TypeVar("Seen")


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below the folder and its bytes, by path from there."""
    return each(folder, Path.read_bytes)


def each(folder: Path, look: Callable[[Path], Seen]) -> dict[Path, Seen]:
    """What a look at every file below the folder shows, by path from there.

    Who writes whole files writes them under another name first; when such a one is gone before it was looked at, all
    are listed anew, so none is missed.
    """
    while True:
        try:
            return {path.relative_to(folder): look(path) for path in folder.rglob("*") if path.is_file()}
        except FileNotFoundError:
            continue
