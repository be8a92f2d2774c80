"""`policy check` and `policy matrix`: profiles that can be used, and clauses that are proved."""

import argparse
import sys
from pathlib import Path

from platekeeper.commands.group import Commands


def add(commands: Commands) -> None:
    """To the command line."""
    policy = commands.add_parser("policy", help="policy profiles").add_subparsers(required=True, metavar="COMMAND")
    check = policy.add_parser("check", help="refuse unknown keys and missing sections, naming file and key")
    check.add_argument("folder", type=Path, nargs="?", default=Path("policies"))
    check.set_defaults(command=_check)
    _add_matrix(policy.add_parser("matrix", help="each clause for each department, and the tests that prove it"))


def _add_matrix(matrix: argparse.ArgumentParser) -> None:
    matrix.add_argument("folder", type=Path, nargs="?", default=Path("policies"))
    matrix.add_argument("--results", type=Path, metavar="FILE", help="what a test run left; by default the last one's")
    form = matrix.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list of cells instead of a table")
    form.add_argument("--html", type=Path, metavar="FILE", help="a page instead of a table")
    form.add_argument("--check", action="store_true", help="only what finished groups lack; fails when they lack any")
    matrix.set_defaults(command=_matrix)


def _check(options: argparse.Namespace) -> int:
    from platekeeper.registry import SECTIONS
    from platekeeper_common.policy import check

    problems = check(options.folder, SECTIONS)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"every profile in {options.folder} can be used")
    return 1 if problems else 0


def _matrix(options: argparse.Namespace) -> int:
    from platekeeper import matrix
    from platekeeper_common import clauses

    try:
        table = clauses.load(options.folder / clauses.FILE)
        found = matrix.cells(table, matrix.read_results(options.results or matrix.RESULTS))
    except (clauses.ClauseError, matrix.NoResults) as error:
        print(error, file=sys.stderr)
        return 1
    names = matrix.departments(table)
    if options.check:
        return _told(matrix.unproved(found), f"groups {', '.join(matrix.FINISHED)}: every cell is proved")
    if options.html:
        options.html.write_text(matrix.as_html(table, names, found), "utf-8")
    else:
        print(matrix.as_json(found) if options.json else matrix.as_text(table, names, found))
    return 0


def _told(lacking: list[str], fine: str) -> int:
    for line in lacking:
        print(line, file=sys.stderr)
    print(f"{len(lacking)} cells of finished groups are not proved" if lacking else fine)
    return 1 if lacking else 0
