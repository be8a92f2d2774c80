"""Loopback ports: choosing one that nobody has or is about to take, and asking whether somebody listens."""

import contextlib
import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path

PORTS = range(15_000, 32_000)
"""Below those that Linux gives to outgoing connections (32768 and up), which could take one before we listen on it."""
PORTS_TRIED = 200
_chosen: list[int] = []
"""Open files whose locks keep the chosen ports from others for as long as this process lives."""


def free_port() -> int:
    """A port that nobody has just now, nor has chosen; others who ask here do not get it while this process lives.

    Whoever chose it may thus take time until something listens there. Raises OSError when there is none.
    """
    folder = Path(tempfile.gettempdir()) / f"platekeeper-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for _ in range(PORTS_TRIED):
        port = secrets.choice(PORTS)
        with contextlib.suppress(OSError):
            _choose(folder, port)
            return port
    raise OSError(f"no free port found between {PORTS.start} and {PORTS.stop}")


def _choose(folder: Path, port: int) -> None:
    """Raises OSError when somebody has chosen the port or has it."""
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(lock)
        raise
    _chosen.append(lock)


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
