"""Where engines that Debian does not have are kept between runs: fetched or built once for this user."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def folder() -> Path:
    """`$XDG_CACHE_HOME/platekeeper`, by default `~/.cache/platekeeper`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "platekeeper"


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, filled by `make` when it is not there yet; whole or absent, never in between.

    `name` must say everything that the content depends on (versions). One process fills, others wait.
    """
    place = folder() / name
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not place.exists():
            part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
            try:
                make(part)
                part.chmod(0o755)
                part.rename(place)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
    return place


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
