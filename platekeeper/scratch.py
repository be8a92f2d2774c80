"""Folders for what is half made: for their owner alone, gone when the block ends, or later where it was killed."""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PREFIX = ".making-"


@contextmanager
def folder(within: Path) -> Generator[Path, None, None]:
    """A new folder in `within` (mode 0700); those that nobody works in any more are removed first."""
    clear(within)
    made = Path(tempfile.mkdtemp(dir=within, prefix=PREFIX))
    held = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield made
    finally:
        shutil.rmtree(made)
        os.close(held)


def clear(within: Path) -> None:
    """Remove what a process left that was killed: whoever still works in a folder holds its lock."""
    for left in within.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            held = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            except BlockingIOError:
                pass  # somebody is at it
            finally:
                os.close(held)


class Ended(BaseException):
    """SIGTERM came: everything unwinds. No Exception, or who handles those would go on."""


@contextmanager
def unwinding() -> Generator[None, None, None]:
    """SIGTERM raises Ended within the block, so that what is half made is cleared away; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    told = False

    def end(_signal: int, _frame: FrameType | None) -> None:
        nonlocal told
        told = True
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Exception:
        if told:  # raised within what calls us back and makes an error of its own of it
            raise Ended from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
