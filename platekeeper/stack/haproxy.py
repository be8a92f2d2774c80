"""HAProxy of Debian: installed, checked, started, told to read its configuration again, stopped."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platekeeper.stack import debian
from platekeeper.stack.process import NotStarted, Process

PACKAGE = "haproxy"
DRAIN_SECONDS = 5.0
RELOAD_SECONDS = 20.0
_WORKER = re.compile(r"^(\d+)\s+worker\s+(\d+)\s")


def install() -> Path:
    """HAProxy's program, installed from Debian when there is none. Raises NotInstalled."""
    return debian.installed(PACKAGE, _program)


def _program() -> Path | None:
    return debian.program("haproxy", f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def check(files: Sequence[Path]) -> None:
    """Raise NotStarted with HAProxy's own words when it would not take the configuration."""
    command = [str(install()), "-c", *_named(files)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own files
    if told.returncode:
        raise NotStarted(f"HAProxy refuses the configuration:\n{told.stderr.strip()}")


@dataclass(frozen=True, slots=True)
class Master:
    """The process that starts workers, reached by its socket."""

    path: Path

    def workers(self) -> frozenset[int]:
        """The workers that take new connections. Raises OSError when the master does not answer."""
        current = self._ask("show proc").partition("# old workers")[0]
        lines = map(_WORKER.match, current.splitlines())
        return frozenset(int(line[1]) for line in lines if line and line[2] == "0")

    def reload(self) -> None:
        """Have a new worker read the configuration; the old ones finish their connections.

        A configuration that is refused leaves the old worker in place: raises NotStarted.
        """
        before = self._until(lambda workers: bool(workers))
        with suppress(OSError):  # the master starts itself anew and may be gone before it answers
            self._ask("reload")
        self._until(lambda workers: bool(workers - before))

    def end(self) -> None:
        """End a master that its parent left behind: two would share the port, and one would keep old keys."""
        with suppress(OSError):
            told = self._ask("show proc")
            if (one := re.search(r"^(\d+)\s+master\s", told, re.MULTILINE)) is not None:
                os.kill(int(one[1]), signal.SIGUSR1)
        self.path.unlink(missing_ok=True)

    def _until(self, enough: Callable[[frozenset[int]], bool]) -> frozenset[int]:
        deadline = time.monotonic() + RELOAD_SECONDS
        while time.monotonic() < deadline:
            try:
                workers = self.workers()
            except OSError:
                workers = frozenset()
            if enough(workers):
                return workers
            time.sleep(0.05)
        raise NotStarted("HAProxy did not start a new worker")

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(self.path))
            line.sendall(f"{command}\n".encode())
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65_536), b"")).decode(errors="replace")


class HAProxy:
    """A master and its workers over configuration files, with its socket and log in `folder`."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        """Nothing runs yet."""
        self.master = Master(folder.absolute() / "master.sock")
        self._files = files
        command = [str(install()), "-W", "-S", f"{self.master.path},mode,600", *_named(files)]
        self.process = Process("HAProxy", command, folder / "haproxy.log")

    def start(self) -> None:
        """Return when a worker takes connections. Raises NotStarted."""
        check(self._files)
        self.master.end()
        self.process.start()
        try:
            self.process.until(self._stands, 20)
        except NotStarted:
            self.process.kill()
            raise

    def reload(self) -> None:
        """Read the configuration again; no request is refused meanwhile. Raises NotStarted when it is not taken."""
        check(self._files)
        self.master.reload()

    def stop(self) -> int | None:
        """Take nothing new, finish what is in hand for some seconds, end."""
        return self.process.stop(DRAIN_SECONDS, by=signal.SIGUSR1)

    def kill(self) -> None:
        """kill -9, workers too."""
        self.process.kill()

    def _stands(self) -> bool:
        try:
            return bool(self.master.workers())
        except OSError:
            return False


def _named(files: Sequence[Path]) -> list[str]:
    return [word for file in files for word in ("-f", str(file.absolute()))]
