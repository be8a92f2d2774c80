"""PostgreSQL on this machine: Debian's package, a cluster of our own in a folder, on a loopback port, as its own user.

PostgreSQL refuses to run as root: a root process runs it as `postgres`, the user that the package makes. The cluster
that Debian makes by itself is neither made nor touched.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platekeeper.stack import debian
from platekeeper.stack.ports import answers, free_port
from platekeeper.stack.process import NotStarted, Process

OLDEST = 15
"""The major version from which on our statements are known to work."""
PACKAGE = "postgresql"
USER = "postgres"
ADMINISTRATOR = "postgres"
_PROGRAMS = Path("/usr/lib/postgresql")
_FORGETFUL = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "2GB"}
"""For data that nobody misses after the machine fails."""
_DURABLE = {
    # Reads have random ids: what is written to their indexes stays in memory, and is logged whole less often.
    "shared_buffers": "512MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
}
_ORDINARY = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "128MB",
    "random_page_cost": "1.1",
    "logging_collector": "off",
    # Who was refused what is worth knowing; a statement in the log would bring plates into it.
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


def programs() -> Path | None:
    """The folder of the newest PostgreSQL on this machine; None when there is none new enough."""
    found = sorted(
        (int(folder.name), folder / "bin")
        for folder in _PROGRAMS.glob("*")
        if folder.name.isdecimal() and (folder / "bin" / "initdb").exists()
    )
    if found and found[-1][0] >= OLDEST:
        return found[-1][1]
    other = shutil.which("initdb")
    return Path(other).resolve().parent if other else None


def install() -> Path:
    """The folder of PostgreSQL's programs, installed from Debian when there are none. Raises NotInstalled."""
    return debian.installed(PACKAGE, programs, prepare=_no_cluster)


def _no_cluster() -> None:
    """Debian would make a cluster of its own and start it."""
    common = Path("/etc/postgresql-common")
    common.mkdir(parents=True, exist_ok=True)
    if not (common / "createcluster.conf").exists():
        (common / "createcluster.conf").write_text("create_main_cluster = false\n")


@dataclass
class Server:
    """One PostgreSQL over `folder`, started, stopped, killed and started again on the same data.

    The administrator's password is made with the data and kept beside it. `durable=False` is for tests alone: what was
    committed is lost when the machine fails, though not when the server is killed.
    """

    folder: Path
    port: int = 0
    """0: a free one, which it keeps."""
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of postgresql.conf, added to ours or in place of them."""
    process: Process | None = None

    @property
    def data(self) -> Path:
        """Where the cluster lies."""
        return self.folder / "data"

    @property
    def password(self) -> str:
        """The administrator's."""
        return (self.folder / "password").read_text()

    def url(self, database: str = "postgres", *, role: str = ADMINISTRATOR, password: str | None = None) -> str:
        """The SQLAlchemy URL of a database on it, by default the administrator's."""
        secret = self.password if password is None else password
        return f"postgresql+asyncpg://{role}:{secret}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, making the cluster the first time, and return when it answers. Raises NotInstalled, NotStarted."""
        binaries = install()
        user = USER if os.geteuid() == 0 else None
        self._make_folder(user)
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster(binaries, user)
        self.port = self.port or free_port()
        settings = (
            dict(_ORDINARY)
            | (_DURABLE if self.durable else _FORGETFUL)
            | dict(self.settings)
            | {"port": str(self.port)}
        )
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [binaries / "postgres", "-D", self.data, *options]
        self.process = Process("postgresql", command, self.folder / "log", folder=self.folder, user=user)
        self.process.start()
        self.process.until(lambda: answers(self.port) and self._ready(binaries))

    def stop(self) -> None:
        """End it, and the statements that run (SIGINT: a fast shutdown)."""
        if self.process is not None:
            self.process.stop(by=signal.SIGINT)

    def kill(self) -> None:
        """kill -9, its backends included, which are sessions of their own."""
        if self.process is not None:
            self.process.kill()
            deadline = time.monotonic() + 20
            while (left := _working_in(self.data)) and time.monotonic() < deadline:
                for number in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
                time.sleep(0.02)

    def _ready(self, binaries: Path) -> bool:
        asked: list[str | Path] = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0  # noqa: S603 - words of our own

    def _make_folder(self, user: str | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if user is not None:
            shutil.chown(self.folder, user, user)

    def _make_cluster(self, binaries: Path, user: str | None) -> None:
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(16))
        if user is not None:
            shutil.chown(secret, user, user)
        command = [
            *(binaries / "initdb", "-D", self.data, "-U", ADMINISTRATOR, f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--lc-collate=C"),
            *(("--data-checksums",) if self.durable else ("--no-sync",)),
        ]
        own = {"user": user, "group": user, "extra_groups": []} if user else {}
        done = subprocess.run(  # noqa: S603 - words of our own
            [str(word) for word in command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **own,  # type: ignore[call-overload]
        )
        if done.returncode:
            raise NotStarted(f"initdb failed: {done.stderr.strip()[-1000:]}")


def _working_in(folder: Path) -> list[int]:
    """The processes whose working directory it is: those of a cluster are in its data."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder.absolute():
                found.append(int(process.name))
    return found
