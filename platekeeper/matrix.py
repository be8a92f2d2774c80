"""The compliance matrix: each clause for each department, who binds, and which tests of the last run prove it."""

import json
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, select_autoescape

from platekeeper_common.clauses import Clause, Need

RESULTS = Path("build/clauses.json")
"""Where a test run leaves what it proved, under the project's folder."""
FINISHED = ("A", "B", "C", "G", "H")
"""Groups of clauses whose every cell must have a passing test."""
NOT_APPLICABLE = "not applicable"


class NoResults(ValueError):
    """There is no last test run, or its results cannot be read; says where they were looked for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One clause for one department that it binds; `tests` are pytest's ids."""

    clause: str
    department: str
    """The profile's file name."""
    source: Literal["manual", "statute"]
    need: Need
    tests: tuple[str, ...]
    passed: bool
    """There are tests, and all of them passed."""

    @property
    def finished(self) -> bool:
        """Whether it belongs to a group that must be proved."""
        return self.clause[0] in FINISHED

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.tests:
            return "no test"
        return f"{len(self.tests)} passed" if self.passed else "FAILED"


Results = Mapping[str, Mapping[str, Any]]
"""By test: `cells`, the pairs of clause and department that it proves, and whether it `passed`."""


def read_results(path: Path) -> Results:
    """What the last test run left. Raises NoResults."""
    try:
        results: Results = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise NoResults(f"{path}: no results of a test run here; make test leaves them") from error
    except ValueError as error:
        raise NoResults(f"{path}: not what a test run leaves: {error}") from error
    return results


def cells(table: Mapping[str, Clause], results: Results) -> list[Cell]:
    """Every bound cell, by clause and department in the table's order."""
    tests: dict[tuple[str, str], list[str]] = {}
    failed: set[tuple[str, str]] = set()
    for name, result in sorted(results.items()):
        for clause_id, department in result["cells"]:
            tests.setdefault((clause_id, department), []).append(name)
            if not result["passed"]:
                failed.add((clause_id, department))
    return [
        Cell(
            clause.id,
            department,
            source,
            clause.need,
            tuple(tests.get((clause.id, department), ())),
            passed=(clause.id, department) in tests and (clause.id, department) not in failed,
        )
        for clause in table.values()
        for department in clause.sections
        if (source := clause.source_for(department)) is not None
    ]


def unproved(found: Iterable[Cell]) -> list[str]:
    """What a finished group lacks, a line each."""
    return [f"{cell.clause} {cell.department}: {cell.verdict}" for cell in found if cell.finished and not cell.passed]


def as_json(found: Sequence[Cell]) -> str:
    """A list of objects with the fields of `Cell`."""
    return json.dumps([asdict(cell) for cell in found], indent=1)


def as_text(table: Mapping[str, Clause], departments: Sequence[str], found: Sequence[Cell]) -> str:
    """For a terminal: a block a clause, a line a department."""
    width = max(shutil.get_terminal_size((120, 40)).columns, 80)
    by_cell = {(cell.clause, cell.department): cell for cell in found}
    lines: list[str] = []
    for clause in table.values():
        later = f" (not built yet: {', '.join(clause.later)})" if clause.later else ""
        lines += ["", *textwrap.wrap(f"{clause.id}  {clause.title}{later}", width, subsequent_indent="    ")]
        lines += [_line(by_cell.get((clause.id, name)), name, width) for name in departments]
    proved = sum(cell.passed for cell in found)
    return "\n".join([*lines[1:], "", f"{proved} of {len(found)} cells proved"])


def _line(cell: Cell | None, department: str, width: int) -> str:
    if cell is None:
        return f"    {department:<9}{NOT_APPLICABLE}"
    names = ", ".join(dict.fromkeys(_short(name) for name in cell.tests))
    told = f"    {department:<9}{cell.source:<9}{cell.need:<10}{cell.verdict:<12}{names}"
    return _cut(told, width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 4].rstrip() + " ..."


def _short(test: str) -> str:
    return test.rpartition("::")[2].partition("[")[0]


def as_html(table: Mapping[str, Clause], departments: Sequence[str], found: Sequence[Cell]) -> str:
    """One page without script or anything from elsewhere."""
    by_cell = {(cell.clause, cell.department): cell for cell in found}
    rows = [(clause, [by_cell.get((clause.id, name)) for name in departments]) for clause in table.values()]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=select_autoescape(), trim_blocks=True
    )
    return environment.get_template("matrix.html").render(
        rows=rows, departments=departments, proved=sum(cell.passed for cell in found), cells=len(found)
    )


def departments(table: Mapping[str, Clause]) -> list[str]:
    """The departments that any clause binds, in the table's order."""
    return list(dict.fromkeys(name for clause in table.values() for name in clause.sections))
