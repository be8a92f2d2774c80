"""`bench recognition`: measurements on data of your own."""

import argparse
from pathlib import Path

from platekeeper.commands.group import Commands


def add(commands: Commands) -> None:
    """To the command line."""
    bench = commands.add_parser("bench", help="measurements on data of your own")
    measures = bench.add_subparsers(required=True, metavar="COMMAND")
    what = "score engines on labelled pictures"
    one = measures.add_parser("recognition", help=what, description=what.capitalize())
    one.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="pictures beside a labels.csv, or a folder of such folders; without it what --out keeps is told anew",
    )
    one.add_argument("--engine", metavar="E[,E]", help="instead of the one that PLATEKEEPER_RECOGNITION_ENGINE names")
    one.add_argument(
        "--regions", help="whose plates to expect (`us,br`, or `none`); otherwise each folder's name says (`-us`)"
    )
    one.add_argument(
        "--corrections",
        type=Path,
        metavar="FILE",
        help="labels that are wrong (CSV: set,file,plate,shows): every figure is told with and without",
    )
    one.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="keep there the reads, tables, misses.csv to complete, and contact sheets of your photographs",
    )
    one.add_argument(
        "--page",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write the marked tables of this page anew",
    )
    one.add_argument("--curve", type=Path, metavar="FILE", help="draw the reliability curve (SVG)")
    one.set_defaults(command=_recognition)


def _recognition(options: argparse.Namespace) -> int:
    from platekeeper.bench import recognition
    from platekeeper.bench.results import Wanted

    wanted = Wanted(options.out, options.corrections, tuple(options.page), options.curve)
    try:
        return recognition.run(recognition.Asked(options.data, options.engine, options.regions, wanted))
    except KeyboardInterrupt:
        return 130
