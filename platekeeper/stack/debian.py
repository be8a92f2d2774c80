"""Engines that Debian has: installed from its packages by root, never started by them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

_POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian asks before it starts a service that it installs (invoke-rc.d(8))."""


class NotInstalled(RuntimeError):
    """The machine has not the engine and this user cannot install it; says which package would."""


def installed(package: str, find: Callable[[], Path | None], *, prepare: Callable[[], None] = lambda: None) -> Path:
    """Where `find` finds the engine, after installing the package when it does not; `prepare` runs just before.

    Raises NotInstalled.
    """
    if (found := find()) is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotInstalled(f"{package} is missing: apt-get install {package}")
    with FileLock(Path(tempfile.gettempdir()) / "platekeeper-apt.lock"):
        if find() is None:
            prepare()
            with _services_stay_down():
                _apt_get(package)
    if (found := find()) is None:
        raise NotInstalled(f"Debian's package {package} brought no program of a version that will do")
    return found


def unpacked(package: str, into: Path) -> None:
    """The package's files below the folder `into`, and nothing of it installed; apt verifies what it fetches.

    Raises NotInstalled.
    """
    if shutil.which("apt-get") is None:
        raise NotInstalled(f"{package} is Debian's, and this machine has no apt-get")
    with FileLock(Path(tempfile.gettempdir()) / "platekeeper-apt.lock"), tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            _run(package, "/usr/bin/apt-get", "update", "-q")
        _run(package, "/usr/bin/apt-get", "download", "-q", package, folder=folder)
        (file,) = Path(folder).glob("*.deb")
        _run(package, "/usr/bin/dpkg-deb", "--extract", str(file), str(into))


def program(name: str, path: str | None = None) -> Path | None:
    """Where the machine has the program of that name, on its own search path or `path`; None: nowhere."""
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def _apt_get(package: str) -> None:
    keep = "Dpkg::Options::=--force-confold"
    for words in (("update", "-q"), ("install", "-qy", "--no-install-recommends", "-o", keep, package)):
        _run(package, "/usr/bin/apt-get", *words)


def _run(package: str, *words: str, folder: str | None = None) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(  # noqa: S603 - words of our own
        words, cwd=folder, env=quiet, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotInstalled(f"{' '.join(words[:2])} for {package} failed:\n{done.stderr[-2000:]}")


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Debian starts what it installs unless this policy says no; a policy that the machine has is left alone."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
