"""The stack under test: `platekeeper up` and `down` over a folder, on free ports; kill -9 of its parts."""

import asyncio
import json
import os
import re
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from platekeeper.stack import state
from platekeeper.stack.state import State

PROJECT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("platekeeper")
UP_SECONDS = 300.0
MINDER, PROXY = "gateway", "haproxy"


class NotUp(RuntimeError):
    """The stack did not start; says what `up` said."""


@dataclass
class Stack:
    """The stack over `var`."""

    var: Path
    one_time_password: str = ""
    """Of the first administrator."""

    async def up(self) -> None:
        """Start it. Raises NotUp."""
        status, said = await self._command("up", "--free-ports")
        if status:
            raise NotUp(said)
        if found := re.search(r"one-time password: (\S+)", said):
            self.one_time_password = found[1]

    async def down(self) -> str:
        """Stop it; what the command said."""
        _, said = await self._command("down")
        return said.strip()

    @property
    def state(self) -> State:
        """As the supervisor tells it."""
        told = State.read(self.var)
        assert told is not None
        return told

    @property
    def victims(self) -> list[str]:
        """Everybody but the supervisor; HAProxy besides the process that minds it."""
        return [member.name for member in self.state.members] + [PROXY]

    def running(self, name: str) -> int | None:
        """The number of the process, when it runs."""
        member = next(one for one in self.state.members if one.name == (MINDER if name == PROXY else name))
        if member.pid is None or not state.same(member.pid, member.born):
            return None
        if name != PROXY:
            return member.pid
        children = Path(f"/proc/{member.pid}/task/{member.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def kill(self, name: str) -> bool:
        """kill -9 of that one process; whether it was there."""
        if (number := self.running(name)) is None:
            return False
        os.kill(number, signal.SIGKILL)
        return True

    def errors(self) -> Counter[str]:
        """What our processes logged as errors, by process and event."""
        found: Counter[str] = Counter()
        for log in (self.var / state.FOLDER / "log").glob("*-*.log"):
            for line in log.read_text(errors="replace").splitlines():
                if '"level": "error"' in line:
                    found[f"{log.stem}: {json.loads(line)['event']}"] += 1
        return found

    def not_ready(self) -> list[str]:
        """Who does not do its work, and why."""
        return [f"{member.name}: {member.note}" for member in self.state.members if not member.ready]

    @property
    def bus(self) -> str:
        """HOST:PORT of the broker."""
        return self._setting("PLATEKEEPER_BUS").removeprefix("kafka://")

    @property
    def database(self) -> str:
        """The administrator's URL, as asyncpg takes it."""
        return self._setting("PLATEKEEPER_DATABASE").replace("+asyncpg", "", 1)

    def _setting(self, name: str) -> str:
        commands = json.loads((self.var / state.FOLDER / "commands.json").read_text())
        return str(commands["migrate"][name])

    async def _command(self, *words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            COMMAND,
            *words,
            cwd=PROJECT,
            env={**os.environ, "PLATEKEEPER_VAR": str(self.var)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(UP_SECONDS):
            said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode(errors="replace")
