"""`corrections export`: what officers corrected, as training data."""

import argparse
from pathlib import Path

from platekeeper.commands.group import Commands, add_url, awaited


def add(commands: Commands) -> None:
    """To the command line."""
    corrections = commands.add_parser("corrections", help="misread plates that officers corrected")
    acts = corrections.add_subparsers(required=True, metavar="COMMAND")
    what = "take corrected pictures and their plates away as training data, where the agency's policy allows it"
    one = acts.add_parser("export", help=what, description=what.capitalize())
    one.add_argument("--out", type=Path, required=True, metavar="FILE.zip")
    moment = "a moment with its time zone (2026-11-01T00:00:00Z): corrected at or after it"
    one.add_argument("--from", dest="start", metavar="MOMENT", help=moment)
    one.add_argument("--to", dest="end", metavar="MOMENT", help="corrected before it")
    one.add_argument("--purpose", required=True, help="one for which the policy allows it")
    one.add_argument("--matter-type", required=True)
    one.add_argument("--matter-number")
    one.add_argument("--reason", help="in words, for the purpose other_le")
    add_url(one)
    one.add_argument("--username", required=True, help="of who acts for the administrator")
    one.set_defaults(command=_export)


def _export(options: argparse.Namespace) -> int:
    from platekeeper import corrections

    said = {"from": options.start, "to": options.end}
    said |= {name: getattr(options, name) for name in ("purpose", "matter_type", "matter_number", "reason")}
    parameters = {name: value for name, value in said.items() if value is not None}
    asked = corrections.Asked(
        url=options.url, ca=options.ca, username=options.username, out=options.out, parameters=parameters
    )
    return awaited(corrections.run(asked))
