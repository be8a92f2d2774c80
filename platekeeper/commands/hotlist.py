"""`hotlist import`: a CSV file into a hot list."""

import argparse
from pathlib import Path

from platekeeper.commands.group import Commands, add_url, awaited


def add(commands: Commands) -> None:
    """To the command line."""
    hotlist = commands.add_parser("hotlist", help="hot lists")
    acts = hotlist.add_subparsers(required=True, metavar="COMMAND")
    what = "take a CSV file into a hot list and tell every refused row"
    one = acts.add_parser("import", help=what, description=what.capitalize())
    one.add_argument("file", type=Path, metavar="FILE", help="UTF-8; the first line names the columns")
    one.add_argument("--list", required=True, dest="hotlist", metavar="LIST", help="the list's id or name")
    one.add_argument("--mode", choices=("add", "replace"), default="add", help="replace: the list becomes the file")
    one.add_argument("--category", default="other", help="of rows that name none")
    one.add_argument("--incident", help="of rows that name none")
    one.add_argument("--reason", help="of rows that give none")
    one.add_argument("--purpose", required=True, help="what the list is for, by the agency's policy")
    one.add_argument("--matter-type", required=True)
    one.add_argument("--matter-number")
    add_url(one)
    one.add_argument("--username", required=True)
    one.set_defaults(command=_import)


def _import(options: argparse.Namespace) -> int:
    from platekeeper import hotlists

    names = ("mode", "category", "incident", "reason", "purpose", "matter_type", "matter_number")
    parameters = {name: value for name in names if (value := getattr(options, name)) is not None}
    asked = hotlists.Asked(
        url=options.url,
        ca=options.ca,
        username=options.username,
        file=options.file,
        hotlist=options.hotlist,
        parameters=parameters,
    )
    return awaited(hotlists.run(asked))
