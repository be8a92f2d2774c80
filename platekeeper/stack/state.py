"""How the full stack on this machine stands, as its supervisor writes it down in `var/up` for whoever asks."""

import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

FOLDER = "up"
FILE = "state.json"


@dataclass(slots=True)
class Member:
    """One process of the stack."""

    name: str
    role: str = ""
    pid: int | None = None
    born: int | None = None
    """When the process with this number began, in the kernel's ticks: the number alone may be somebody else's now."""
    port: int | None = None
    ready: bool = False
    since: str | None = None
    """When it last began, aware UTC, ISO 8601."""
    restarts: int = 0
    note: str = ""
    """What is to be said of it: why it is not ready."""


@dataclass(slots=True)
class State:
    """The whole stack."""

    pid: int
    """The supervisor's."""
    born: int | None
    course: str = "starting"
    """starting, up, stopping, or why it could not start."""
    door: str = ""
    authority: str = ""
    """The file of the authority that vouches for the door."""
    members: list[Member] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """Whether the supervisor runs."""
        return same(self.pid, self.born)

    def write(self, var: Path) -> None:
        """Put it down whole; only its owner may read it."""
        path = var / FOLDER / FILE
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=1)
        part.rename(path)

    @classmethod
    def read(cls, var: Path) -> Self | None:
        """What was last put down; None when there is nothing."""
        try:
            told = json.loads((var / FOLDER / FILE).read_text())
        except FileNotFoundError:
            return None
        return cls(**(told | {"members": [Member(**member) for member in told["members"]]}))

    def table(self) -> str:
        """One line a process."""
        rows: list[tuple[str, ...]] = [("NAME", "ROLE", "PID", "PORT", "READY", "SINCE", "RESTARTS", "")]
        rows += [_row(member) for member in self.members]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
        lines = ["  ".join(word.ljust(width) for word, width in zip(row, (*widths, 0), strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines)


def born(pid: int) -> int | None:
    """When the process began, in ticks since the machine did; None when there is none, or only its remains."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if told[0] == "Z" else int(told[19])


def same(pid: int, since: int | None) -> bool:
    """Whether the process of that number is still the one that began then."""
    return since is not None and born(pid) == since


def end_leftovers(members: Sequence[Member], seconds: float = 10) -> list[str]:
    """End processes whose supervisor is gone, newest first; their names."""
    left = [member for member in reversed(members) if member.pid is not None and same(member.pid, member.born)]
    for sign in (signal.SIGTERM, signal.SIGKILL):
        there = [member for member in left if member.pid is not None and same(member.pid, member.born)]
        for member in there:
            assert member.pid is not None  # noqa: S101 - chosen so
            os.killpg(member.pid, sign)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(same(one.pid or 0, one.born) for one in there):
            time.sleep(0.1)
    return [member.name for member in left]


def _row(member: Member) -> tuple[str, ...]:
    since = datetime.fromisoformat(member.since).astimezone().strftime("%H:%M:%S") if member.since else "-"
    ready = "yes" if member.ready else "no"
    numbers = [str(number) if number is not None else "-" for number in (member.pid, member.port)]
    return (member.name, member.role or "-", *numbers, ready, since, str(member.restarts), member.note)


def now() -> str:
    """The present moment as `since` says it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
