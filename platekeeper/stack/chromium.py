"""Chromium and its driver, of Debian: a browser for tests of pages."""

from pathlib import Path

from platekeeper.stack import debian

PACKAGE = "chromium-driver"
"""Brings the browser of its own version with it."""


def install() -> Path:
    """The driver's program, with a browser beside it, installed when there is none. Raises NotInstalled."""
    return debian.installed(PACKAGE, _driver)


def browser() -> Path:
    """The browser's program. Raises NotInstalled."""
    return debian.installed(PACKAGE, _browser)


def _driver() -> Path | None:
    return debian.program("chromedriver") if _browser() else None


def _browser() -> Path | None:
    return debian.program("chromium")
