"""The supervisor with small processes of its own: what dies is started again later each time, and stops in the end."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from platekeeper.stack import state
from platekeeper.stack.process import Process
from platekeeper.stack.state import Member, State
from platekeeper.stack.supervisor import Kept, Program, Supervisor


@pytest.fixture
def stack(tmp_path: Path) -> Supervisor:
    (tmp_path / "up").mkdir()
    return Supervisor(tmp_path, State(1, None), first_pause=0.05)


def kept(folder: Path, name: str, code: str, ready: Callable[[], str | None] = lambda: None) -> Kept:
    process = Process(name, [sys.executable, "-c", code], folder / f"{name}.log")
    return Kept(name, "", 1, Program(process), ready)


def until(true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_killed_is_started_again_and_that_is_told(tmp_path: Path, stack: Supervisor) -> None:
    stack.begin([kept(tmp_path, "steady", "import time; time.sleep(600)")])
    [member] = stack.state.members
    first = member.pid
    assert first is not None
    assert (member.ready, member.restarts) == (True, 0)
    os.kill(first, signal.SIGKILL)
    until(lambda: member.restarts == 1 and member.ready and member.pid != first)
    told = State.read(tmp_path)
    assert told is not None
    assert told.members == [member]
    assert "steady" in told.table()
    second = member.pid
    assert second is not None
    stack.end()
    assert not state.born(second)
    assert (member.pid, member.ready, member.note) == (None, False, "stopped")


def test_what_never_starts_is_given_up(tmp_path: Path, stack: Supervisor) -> None:
    with pytest.raises(RuntimeError, match="broken does not start: ended with status 3"):
        stack.begin([kept(tmp_path, "broken", "raise SystemExit(3)", ready=lambda: "no")])
    stack.end()


def test_pauses_double_for_what_dies_young(tmp_path: Path, stack: Supervisor) -> None:
    dying = kept(tmp_path, "dying", "raise SystemExit(3)", ready=lambda: "no")
    began = time.monotonic()
    with pytest.raises(RuntimeError):
        stack.begin([dying])
    assert time.monotonic() - began > 0.05 + 0.1 + 0.2
    stack.end()


def test_a_stop_while_one_starts_leaves_nothing(tmp_path: Path, stack: Supervisor) -> None:
    stack.told.set()
    stack.begin([kept(tmp_path, "slow", "import time; time.sleep(600)", ready=lambda: "not yet")])
    stack.end()
    [member] = stack.state.members
    assert member.pid is None


def test_leftovers_are_ended_and_a_number_that_is_somebody_elses_is_not(tmp_path: Path) -> None:
    left = Process("left", [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    other = Process("other", [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    for process in (left, other):
        process.start()
    assert left.started is not None
    assert other.started is not None
    members = [
        Member("left", pid=left.started.pid, born=state.born(left.started.pid)),
        Member("other", pid=other.started.pid, born=1),
        Member("gone", pid=None),
    ]
    assert state.end_leftovers(members) == ["left"]
    assert not left.alive
    assert other.alive
    other.kill()
