"""Keeps the full stack of one machine running: starts it in order, starts again what dies, stops it in reverse order.

Each process has a thread that starts it, asks whether it is ready, and waits longer each time that it dies young. What
is known is put down in `var/up` at each change (`state.py`).
"""

import contextlib
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from platekeeper.stack import state
from platekeeper.stack.ports import answers
from platekeeper.stack.process import NotStarted, Process
from platekeeper.stack.state import Member, State

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
OLD_SECONDS = 60.0
"""What lived so long is started again without waiting long."""
MOST_DEATHS = 4
"""How often one may end before it was ever ready."""
STOP_SECONDS = 30.0
"""The grace that a process has to end: it drains 20 s of them."""
LOOK_SECONDS = 0.25
STEADY_SECONDS = 1.0
_log = structlog.get_logger()


class Startable(Protocol):
    """An engine or a process of ours."""

    @property
    def process(self) -> Process | None:
        """What was started last."""

    def start(self) -> None:
        """Start it on the data that it had. Raises NotStarted, OSError."""

    def stop(self) -> object:
        """An orderly end."""

    def kill(self) -> None:
        """kill -9, whatever it left behind included."""


@dataclass
class Program:
    """One of our processes as a Startable."""

    process: Process

    def start(self) -> None:
        """Start it; it says itself when it is ready."""
        self.process.start()

    def stop(self) -> object:
        """SIGTERM; kill -9 after the grace."""
        return self.process.stop(STOP_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()


@dataclass(frozen=True, slots=True)
class Kept:
    """Something to keep running: when it is ready, by its own words."""

    name: str
    role: str
    port: int
    what: Startable
    ready: Callable[[], str | None]
    """Why it is not ready; None when it is."""


def opens(port: int) -> Callable[[], str | None]:
    """Ready when somebody listens there."""
    return lambda: None if answers(port) else "does not listen yet"


def tells(port: int, path: str) -> Callable[[], str | None]:
    """Ready when it answers 200 there."""

    def ask() -> str | None:
        try:
            with _direct.open(f"http://127.0.0.1:{port}{path}", timeout=5):
                return None
        except urllib.error.HTTPError as error:
            with error:
                return error.read(300).decode(errors="replace")
        except OSError:
            return "does not answer yet"

    return ask


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Loopback is asked directly, whatever proxies the environment names."""


@dataclass
class Keeper:
    """The thread behind one process."""

    kept: Kept
    member: Member
    changed: Callable[[], None]
    first_pause: float = FIRST_PAUSE
    death: str = ""
    """Why it last ended."""
    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to keep it."""
        self.thread = threading.Thread(target=self._keep, name=self.kept.name, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Stop it for good and return when it has ended."""
        self.stopping.set()
        if self.thread is not None:
            self.thread.join()

    def _keep(self) -> None:
        pause = self.first_pause
        while not self.stopping.is_set():
            began = time.monotonic()
            self.death = self._live()
            if self.stopping.is_set():
                break
            if time.monotonic() - began > OLD_SECONDS:
                pause = self.first_pause
            _log.warning("process ended", process=self.kept.name, reason=self.death, again_after_seconds=pause)
            self._note(ready=False, note=f"{self.death}; starts again after {pause:g} s")
            self.member.restarts += 1
            self.kept.what.kill()
            self.stopping.wait(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        self._note(ready=False, note="stopping")
        self.kept.what.stop()
        self.member.pid = self.member.born = None
        self._note(ready=False, note="stopped")

    def _live(self) -> str:
        """One life of the process; why it ended."""
        try:
            self.kept.what.start()
        except (NotStarted, OSError, RuntimeError) as error:
            return str(error).splitlines()[0]
        process = self.kept.what.process
        assert process is not None  # noqa: S101 - it was started
        assert process.started is not None  # noqa: S101
        self.member.pid = process.started.pid
        self.member.born, self.member.since = state.born(self.member.pid), state.now()
        self._note(ready=False, note="starting")
        while process.alive and not self.stopping.is_set():
            why = self.kept.ready()
            self._note(ready=why is None, note=why or "")
            self.stopping.wait(LOOK_SECONDS if why else STEADY_SECONDS)
        return f"ended with status {process.started.poll()}"

    def _note(self, *, ready: bool, note: str) -> None:
        if (ready, note) != (self.member.ready, self.member.note):
            self.member.ready, self.member.note = ready, note
            self.changed()


class Supervisor:
    """Keeps what it is given, in stages."""

    def __init__(self, var: Path, state: State, *, first_pause: float = FIRST_PAUSE) -> None:
        """Nothing runs yet. `first_pause`: seconds before what died is started again the first time."""
        self._var = var
        self._first_pause = first_pause
        self.state = state
        self._writing = threading.Lock()
        self._stages: list[list[Keeper]] = []
        self.told = threading.Event()
        """Set when it is to stop."""

    def listen(self) -> None:
        """Stop on SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.told.set())

    def begin(self, stage: Sequence[Kept]) -> None:
        """Start these side by side and return when all are ready, or when it is told to stop.

        Raises RuntimeError for one that has ended several times instead.
        """
        keepers = [
            Keeper(kept, Member(kept.name, kept.role, port=kept.port), self.put_down, self._first_pause)
            for kept in stage
        ]
        self.state.members += [keeper.member for keeper in keepers]
        self._stages.append(keepers)
        for keeper in keepers:
            keeper.start()
        while not self.told.is_set() and not all(keeper.member.ready for keeper in keepers):
            for keeper in keepers:
                if keeper.member.restarts >= MOST_DEATHS:
                    raise RuntimeError(f"{keeper.kept.name} does not start: {keeper.death}")
            self.told.wait(LOOK_SECONDS)

    def say(self, course: str) -> None:
        """Say how far the whole is."""
        self.state.course = course
        self.put_down()
        _log.info("stack", course=course)

    def end(self) -> None:
        """Stop everything, the last stage first; those of a stage side by side."""
        for stage in reversed(self._stages):
            _together(keeper.stop for keeper in stage)

    def put_down(self) -> None:
        """Write the state where others read it."""
        with self._writing, contextlib.suppress(OSError):  # a full disk must not end what runs
            self.state.write(self._var)


def _together(acts: Iterable[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
