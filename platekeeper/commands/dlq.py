"""`dlq`: events that a service could not handle."""

import argparse

from platekeeper.commands.group import Commands, add_url, awaited


def add(commands: Commands) -> None:
    """To the command line."""
    dlq = commands.add_parser("dlq", help="events that a service could not handle")
    add_url(dlq)
    dlq.add_argument("--username", default="admin")
    acts = dlq.add_subparsers(required=True, metavar="COMMAND")
    listed = acts.add_parser("list", help="the newest dead letters of every service, or of one")
    listed.add_argument("service", nargs="?")
    listed.set_defaults(command=_dlq, act="list")
    for act, what in (
        ("show", "one dead letter"),
        ("retry", "give the event to its handler once more"),
        ("discard", "delete one whose event nobody will handle"),
    ):
        one = acts.add_parser(act, help=what)
        one.add_argument("service")
        one.add_argument("id")
        one.set_defaults(command=_dlq, act=act)


def _dlq(options: argparse.Namespace) -> int:
    from platekeeper import dlq

    letter = getattr(options, "id", None)
    return awaited(dlq.run(options.url, options.ca, options.username, options.act, options.service, letter))
