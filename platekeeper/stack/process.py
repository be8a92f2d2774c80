"""An engine or a service as a process of this machine: started, waited for, stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LINES_TOLD = 20
"""Lines of a log that an error quotes."""


class NotStarted(RuntimeError):
    """A process ended or did not answer in time; says the last lines of its log."""


@dataclass
class Process:
    """One command, its output appended to `log`. Runs as `user` where one is named (root only)."""

    name: str
    command: Sequence[str | Path]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's own."""
    folder: Path | None = None
    user: str | None = None
    started: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, in a session of its own so that Ctrl-C at a terminal reaches only us. Raises OSError."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        own = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        with self.log.open("ab") as output:
            self.started = subprocess.Popen(  # noqa: S603 - commands of our own, never a user's words
                [str(word) for word in self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                cwd=self.folder,
                start_new_session=True,
                **own,  # type: ignore[call-overload]
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.started is not None and self.started.poll() is None

    def until(self, answers: Callable[[], bool], seconds: float = 60) -> None:
        """Return once `answers` does. Raises NotStarted when the process ends before, or after so many seconds."""
        deadline = time.monotonic() + seconds
        while not answers():
            if not self.alive:
                raise NotStarted(f"{self.name} ended as it started:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise NotStarted(f"{self.name} does not answer after {seconds:.0f} s:\n{self.last_lines()}")
            time.sleep(0.05)

    def stop(self, seconds: float = 30, *, by: signal.Signals = signal.SIGTERM) -> int | None:
        """Ask it to end, kill it after so many seconds; its exit status, None when it never ran."""
        if self.started is None:
            return None
        if self.alive:
            self.started.send_signal(by)
            try:
                self.started.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.started.wait()

    def kill(self) -> None:
        """kill -9, its children included."""
        if self.started is not None and self.alive:
            os.killpg(self.started.pid, signal.SIGKILL)
            self.started.wait()

    def last_lines(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LINES_TOLD:]) if self.log.exists() else ""
