"""`bench recognition`: measurements on data of your own."""

import argparse
from pathlib import Path

from platekeeper.commands.group import Commands


def add(commands: Commands) -> None:
    """To the command line."""
    bench = commands.add_parser("bench", help="measurements on data of your own")
    measures = bench.add_subparsers(required=True, metavar="COMMAND")
    what = "score an engine on labelled pictures"
    one = measures.add_parser("recognition", help=what, description=what.capitalize())
    one.add_argument("--data", type=Path, required=True, metavar="DIR", help="pictures beside a labels.csv")
    one.add_argument("--engine", help="instead of the one that PLATEKEEPER_RECOGNITION_ENGINE names")
    one.add_argument("--regions", help="whose plates to expect (`us,br`, or `none`); otherwise DIR's name says (`-us`)")
    one.add_argument("--json", type=Path, metavar="FILE", help="write what was read in every picture")
    one.add_argument("--misses", type=Path, metavar="FILE", help="draw the plates not read exactly on a sheet (PNG)")
    one.set_defaults(command=_recognition)


def _recognition(options: argparse.Namespace) -> int:
    from platekeeper.bench import recognition

    asked = recognition.Asked(options.data, options.engine, options.regions, options.json, options.misses)
    try:
        return recognition.run(asked)
    except KeyboardInterrupt:
        return 130
