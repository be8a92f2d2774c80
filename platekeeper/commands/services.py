"""`run`, `serve`, `migrate` and `administrator`: services in this process, and what a cluster does before them."""

import argparse
from pathlib import Path

from platekeeper.commands.group import Commands, awaited
from platekeeper.registry import NAMES, PAGES


def add(commands: Commands) -> None:
    """To the command line."""
    run = commands.add_parser("run", help="run every service in this process, with the demonstration")
    run.add_argument("--empty", action="store_true", help="without the demonstration")
    run.set_defaults(command=_run)

    serve = commands.add_parser("serve", help="run one service in a process of its own, beside others")
    serve.add_argument("name", choices=(*NAMES, PAGES), metavar="NAME", help=f"{', '.join(NAMES)} or pages")
    what = "what it does for the service; given for each, by default both"
    serve.add_argument("--role", choices=("api", "worker"), action="append", dest="roles", help=what)
    serve.set_defaults(command=_serve)

    migrate = commands.add_parser("migrate", help="bring databases and topics to what this version needs")
    what = "passwords by role (JSON), for the roles of the services in PostgreSQL"
    migrate.add_argument("--passwords", type=Path, metavar="FILE", help=what)
    migrate.set_defaults(command=_migrate)

    administrator = commands.add_parser("administrator", help="make the first administrator; prints his password once")
    administrator.set_defaults(command=_administrator)


def _run(options: argparse.Namespace) -> int:
    from platekeeper.run import run

    return awaited(run(demonstration=not options.empty))


def _serve(options: argparse.Namespace) -> int:
    from platekeeper import serve

    return awaited(serve.run(options.name, frozenset(options.roles or ("api", "worker"))))


def _migrate(options: argparse.Namespace) -> int:
    from platekeeper import migrating

    return migrating.migrate_all(options.passwords)


def _administrator(_options: argparse.Namespace) -> int:
    from platekeeper import migrating

    return awaited(migrating.run_administrator())
