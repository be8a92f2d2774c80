"""Dumps of a PostgreSQL database by its own programs, which learn the password where no other user reads it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from platekeeper_common.postgresql import dsn

PROGRAMS = Path("/usr/lib/postgresql")
_SCHEMA = re.compile(r"^\d+; \d+ \d+ SCHEMA - (\S+) \S+$", re.MULTILINE)


class DumpFailed(RuntimeError):
    """A program of PostgreSQL is missing or failed; says what it said last."""


def dump(url: str, into: Path) -> Path:
    """All schemas of the database; the URL is an administrator's. Raises DumpFailed."""
    _run("pg_dump", "--format=custom", f"--file={into}", url=url)
    return into


def restore(url: str, file: Path) -> None:
    """Everything in the dump into an empty database, by its administrator's URL. Raises DumpFailed at the first error.

    Not in one transaction: a lock for each partition of each agency would be more than a server has.
    """
    _run("pg_restore", "--exit-on-error", str(file), url=url)


def schemas(file: Path) -> list[str]:
    """The names of the schemas in the dump. Raises DumpFailed."""
    return _SCHEMA.findall(_run("pg_restore", "--list", str(file)))


def _run(name: str, *words: str, url: str | None = None) -> str:
    program, environment = _program(name), dict(os.environ)
    command = [program, *words]
    if url is not None:
        address = make_url(dsn(url))
        # A command line is everybody's to read; an environment is its user's alone.
        environment["PGPASSWORD"] = address.password or ""
        place = address._replace(password=None).render_as_string()
        command += ["--no-password", f"--dbname={place}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - ours
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise DumpFailed(f"{name}: {said[0].removeprefix(f'{name}: ') if said else done.returncode}")
    return done.stdout


def _program(name: str) -> str:
    """Raises DumpFailed."""
    # The newest reads every server that is older; what Debian puts on the path goes by a cluster of this machine.
    newest = max(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: float(path.parent.parent.name), default=None)
    program = newest or shutil.which(name)
    if program is None:
        raise DumpFailed(f"{name} is missing: install postgresql-client of the server's version or newer")
    return str(program)
