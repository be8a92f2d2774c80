"""curl, of Debian: a client for tests that listens while it writes."""

import shutil
from pathlib import Path

from platekeeper.stack import debian

PACKAGE = "curl"


def install() -> Path:
    """Its program, installed when there is none. Raises NotInstalled."""
    return debian.installed(PACKAGE, _found)


def _found() -> Path | None:
    found = shutil.which("curl")
    return Path(found) if found else None
