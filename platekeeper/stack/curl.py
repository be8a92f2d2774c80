"""curl, of Debian: a client for tests that listens while it writes."""

from pathlib import Path

from platekeeper.stack import debian

PACKAGE = "curl"


def install() -> Path:
    """Its program, installed when there is none. Raises NotInstalled."""
    return debian.installed(PACKAGE, lambda: debian.program(PACKAGE))
