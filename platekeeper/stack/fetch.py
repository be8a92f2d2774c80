"""`python -m platekeeper.stack.fetch`: installs, fetches and builds every engine ahead of its use.

Nothing here is needed: whoever needs an engine gets it by itself, and waits while another process is at it.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from platekeeper.stack import chromium, debian, go, haproxy, java, kafka, keycloak, postgresql, promtool, s3
from platekeeper.stack.process import NotStarted

ENGINES: tuple[Callable[[], Path], ...] = (
    postgresql.install,
    haproxy.install,
    java.java,
    kafka.jars,
    s3.built,
    chromium.install,
    keycloak.built,
    promtool.install,
)


def main() -> int:
    """Each in turn; one that cannot be had is said, and its user will say it again."""
    failed = 0
    for engine in ENGINES:
        try:
            engine()
        except (debian.NotInstalled, go.NotBuilt, NotStarted, OSError) as error:
            failed += 1
            sys.stderr.write(f"{engine.__module__}: {error}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
