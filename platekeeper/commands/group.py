"""What every group of commands is made of."""

import argparse
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


def add_url(parser: argparse.ArgumentParser) -> None:
    """Where the platform runs, by default where `platekeeper run` serves with the same settings; who vouches for it."""
    default = f"http://127.0.0.1:{os.environ.get('PLATEKEEPER_PORT', '8080')}"
    parser.add_argument("--url", default=default, help="the running platform")
    what = "who vouches for its certificate (PEM); else PLATEKEEPER_CA, the stack's own at its door, or the system's"
    parser.add_argument("--ca", type=Path, metavar="FILE", help=what)


def awaited(command: Awaitable[int]) -> int:
    """Run the command on an event loop; 130 when it is interrupted."""

    async def whole() -> int:
        return await command

    import uvloop

    try:
        return uvloop.run(whole())
    except KeyboardInterrupt:
        return 130
