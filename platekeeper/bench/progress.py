"""How far a measurement has come, on standard error."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

WIDTH = 30
Item = TypeVar("Item")


def progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Each item, with a bar that moves on as the next one is asked for; a line for every tenth where no terminal is."""
    started, terminal, said = time.monotonic(), sys.stderr.isatty(), 0
    try:
        for done, item in enumerate(items, start=1):
            yield item
            tenth = done * 10 // len(items)
            if terminal or tenth > said:
                said = tenth
                left = (time.monotonic() - started) / done * (len(items) - done)
                _show(line(what, done, len(items), left), terminal=terminal)
    finally:
        if terminal:
            sys.stderr.write("\n")


def line(what: str, done: int, whole: int, left: float) -> str:
    """`what` with a bar, how many of how many, and the seconds that are left."""
    full = WIDTH * done // whole
    return f"{what} [{'#' * full}{'.' * (WIDTH - full)}] {done}/{whole}, {left:.0f} s left"


def _show(text: str, *, terminal: bool) -> None:
    sys.stderr.write(f"\r\x1b[K{text}" if terminal else f"{text}\n")
    sys.stderr.flush()
