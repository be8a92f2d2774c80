"""Engines that tests share: each started by the first test that asks for it, stopped when the run ends.

A run may have several workers (pytest-xdist); they share the engines through the run's folder.
"""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from platekeeper.stack.process import Process

VARIABLE = "ENGINES_OF_THIS_RUN"
"""Names the run's folder to workers and child processes."""
_started: list[Process] = []
"""Those that this worker started: kept, so that they are not thought forgotten."""
Facts = dict[str, Any]
"""What a test must know of an engine: its port, its URL. JSON."""


def open_run() -> None:
    """Begin a run; engines run as users of their own, who must reach their folders."""
    place = tempfile.mkdtemp(prefix="platekeeper-engines-")
    Path(place).chmod(0o755)
    os.environ[VARIABLE] = place


def folder() -> Path:
    """What the run keeps while it lasts."""
    return Path(os.environ[VARIABLE])


def shared(name: str, start: Callable[[Path], tuple[Process, Facts]]) -> Facts:
    """The facts of the run's engine `name`; `start` is given a folder of its own and answers when the engine does."""
    place = folder() / name
    told = place.with_suffix(".json")
    with FileLock(place.with_suffix(".lock")):
        if not told.exists():
            place.mkdir(exist_ok=True)
            process, facts = start(place)
            assert process.started is not None
            _started.append(process)
            told.write_text(json.dumps({"pid": process.started.pid, "facts": facts}))
        known: Facts = json.loads(told.read_text())["facts"]
    return known


def close_run() -> None:
    """Stop every engine of the run and remove what they kept."""
    place = Path(os.environ.pop(VARIABLE))
    groups = [json.loads(told.read_text())["pid"] for told in place.glob("*.json")]
    for sign, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        groups = [group for group in groups if _signalled(group, sign)]
        deadline = time.monotonic() + seconds
        while groups and time.monotonic() < deadline:
            time.sleep(0.1)
            groups = [group for group in groups if not _ended_here(group) and _signalled(group, 0)]
    shutil.rmtree(place, ignore_errors=True)


def close_worker() -> None:
    """What this worker started is the run's from now on: its own process stops it."""
    for process in _started:
        if process.started is not None:
            process.started.returncode = 0


def _ended_here(group: int) -> bool:
    """Whether it is an ended child of this very process, which only asking removes."""
    return any(p.started is not None and p.started.pid == group and not p.alive for p in _started)


def _signalled(group: int, sign: int) -> bool:
    """Whether the process group was there to take the signal; 0 only asks."""
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return False
    return True
