"""Keeps, for the compliance matrix, which tests proved which clause for which department, and whether they passed.

A test proves the clauses that it is marked with: for the departments that the mark names, or for all that the clause
binds; a test with a department among its parameters proves them for that one alone.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from profiles import DEPARTMENTS, FOLDER

from platekeeper.matrix import RESULTS
from platekeeper_common import clauses

PROPERTY = "clauses"
"""Under this name a test's report carries `[clause, department]` pairs, from the worker to the run's own process."""


class Kept:
    """What the reports of this run said, by the test's id."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, Any]] = {}

    def take(self, report: pytest.TestReport) -> None:
        """A test has passed when its call has and nothing of it failed."""
        cells = dict(report.user_properties).get(PROPERTY)
        if not cells:
            return
        known = self.tests.setdefault(report.nodeid, {"cells": cells, "passed": False})
        if report.failed:
            known["passed"], known["failed"] = False, True
        elif report.when == "call" and report.passed and not known.get("failed"):
            known["passed"] = True

    def write(self, path: Path, *, whole: bool) -> None:
        """A whole run is the last word on every test; part of one is on those that it ran."""
        before = {} if whole or not path.exists() else json.loads(path.read_text("utf-8"))
        results = before | {name: {"cells": one["cells"], "passed": one["passed"]} for name, one in self.tests.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(sorted(results.items())), indent=1), "utf-8")


_kept = pytest.StashKey[Kept]()
_table = clauses.load(FOLDER / clauses.FILE)


def begin(config: pytest.Config) -> None:
    """In the run's own process, not in its workers."""
    config.stash[_kept] = Kept()
    config.pluginmanager.register(_Listener(config.stash[_kept]), "proving")


def end(config: pytest.Config) -> None:
    """Write what was proved, unless nothing that proves anything ran."""
    kept = config.stash.get(_kept, None)
    if kept is None or not kept.tests:
        return
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not (
        config.option.keyword or config.option.markexpr
    )
    kept.write(config.rootpath / RESULTS, whole=whole)


def mark(items: Iterable[pytest.Item]) -> None:
    """Note on each test which cells it proves."""
    for item in items:
        marks = [marker.args for marker in item.iter_markers("clause")]
        if proved := cells(marks, getattr(getattr(item, "callspec", None), "params", {}).values()):
            item.user_properties.append((PROPERTY, proved))


def cells(marks: Iterable[Sequence[str]], parameters: Iterable[object]) -> list[list[str]]:
    """The pairs of clause and department that a test with these marks and parameters proves."""
    own = {value for value in parameters if isinstance(value, str) and value in DEPARTMENTS}
    found = set()
    for clause_id, *named in marks:
        bound = _table[clause_id].sections.keys()
        found |= {(clause_id, name) for name in (set(named) or bound) & bound if not own or name in own}
    return [list(cell) for cell in sorted(found)]


class _Listener:
    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._kept.take(report)
