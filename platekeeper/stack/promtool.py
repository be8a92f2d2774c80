"""promtool, of Debian's Prometheus, for tests of deploy/alerts.yml; nothing of Prometheus is installed."""

import tempfile
from pathlib import Path

from platekeeper.stack import cache, debian

PACKAGE = "prometheus"
PROGRAM = "promtool"


def install() -> Path:
    """Its program, taken from the package when the machine has none. Raises NotInstalled."""
    return debian.program(PROGRAM) or cache.kept(PROGRAM, _take) / PROGRAM


def _take(into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into.parent) as files:
        debian.unpacked(PACKAGE, Path(files))
        (Path(files) / "usr" / "bin" / PROGRAM).rename(into / PROGRAM)
