"""The command line: a parser that hands each command to its group."""

import argparse
import os
from collections.abc import Callable, Sequence

from platekeeper.commands import audit, backup, bench, corrections, dlq, gateway, hotlist, policy, services, stack
from platekeeper_common import log

GROUPS = (services, stack, policy, audit, dlq, backup, gateway, hotlist, corrections, bench)
"""In the order in which they are listed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command in a process of its own; the exit status."""
    log.configure()
    # Plates lie in what is written, in databases and their logs: for its owner alone.
    os.umask(0o077)
    return run(arguments)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Errors that the user can mend are one line on standard error."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="platekeeper", description="Licence plate data, kept as policy says.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in GROUPS:
        group.add(commands)
    return parser
