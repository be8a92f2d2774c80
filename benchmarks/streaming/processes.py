"""CPU seconds of the stack's processes, from /proc: each with its children, PostgreSQL's by the role they work for."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from platekeeper.stack.state import State

_TICKS = os.sysconf("SC_CLK_TCK")
_BACKEND = re.compile(r"postgres: (?:\S+: )?(.+)")


def seconds(state: State, *, more: Mapping[str, int] | None = None) -> dict[str, float]:
    """CPU seconds so far by process; `more`: other processes by their ids. Processes that have ended count for none."""
    roots = {member.name: member.pid for member in state.members if member.pid} | dict(more or {})
    parents, used = _table()
    names = {pid: name for name, pid in roots.items()}
    found = dict.fromkeys([*roots], 0.0)
    for pid, spent in used.items():
        if (name := _owner(pid, parents, names)) is not None:
            if name == "postgresql":
                name = f"postgresql {_work(pid)}"
            found[name] = found.get(name, 0.0) + spent
    found.pop("postgresql", None)
    return found


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was used from one look to the other."""
    return {name: max(0.0, spent - before.get(name, 0.0)) for name, spent in after.items()}


def _table() -> tuple[dict[int, int], dict[int, float]]:
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (place / "stat").read_text().rpartition(")")[2].split()
            parents[int(place.name)] = int(told[1])
            used[int(place.name)] = (int(told[11]) + int(told[12])) / _TICKS
    return parents, used


def _owner(pid: int, parents: Mapping[int, int], names: Mapping[int, str]) -> str | None:
    while pid > 1:
        if pid in names:
            return names[pid]
        pid = parents.get(pid, 0)
    return None


def _work(pid: int) -> str:
    """Whose backend it is: the role before the `_`, or what the server itself does."""
    with suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        if (told := _BACKEND.match(line)) is not None:
            words = told[1].split()
            return words[0] if len(words) > 2 else "server"
    return "server"
