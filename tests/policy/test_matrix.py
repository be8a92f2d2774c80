"""The compliance matrix says what the last test run proved, and refuses what finished groups lack."""

import json
from collections import Counter
from pathlib import Path

import proving
import pytest
from commands import platekeeper
from profiles import DEPARTMENTS, FOLDER

from platekeeper import matrix
from platekeeper_common import clauses

TABLE = clauses.load(FOLDER / clauses.FILE)
CELLS = [[clause.id, name] for clause in TABLE.values() for name in clause.sections]
FIRST, SECOND = "tests/a.py::test_one", "tests/a.py::test_two[galt]"


def results(path: Path, **of: object) -> Path:
    """A run in which one test proved every cell, and another, whose fields are given, A1 for Galt."""
    told = {FIRST: {"cells": CELLS, "passed": True}, SECOND: {"cells": [["A1", "galt"]], "passed": True} | of}
    path.write_text(json.dumps(told), "utf-8")
    return path


def test_it_lists_every_bound_cell_with_its_source_and_its_tests(tmp_path: Path) -> None:
    found = matrix.cells(TABLE, matrix.read_results(results(tmp_path / "results.json")))
    assert Counter(cell.department for cell in found) == {
        "pomona": 50,
        "galt": 50,
        "corona": 43,
        "downey": 43,
        "la-port": 51,
    }
    finished = Counter(cell.department for cell in found if cell.finished)
    assert finished == {"pomona": 30, "galt": 30, "corona": 26, "downey": 26, "la-port": 30}
    by_cell = {(cell.clause, cell.department): cell for cell in found}
    assert by_cell["A1", "galt"].tests == (FIRST, SECOND)
    assert by_cell["B4", "corona"].source == "statute"
    assert by_cell["B4", "pomona"].source == "manual"
    assert ("C3", "downey") not in by_cell
    assert matrix.unproved(found) == []


def test_json_is_a_list_of_cells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results(tmp_path / "results.json")
    assert platekeeper("policy", "matrix", str(FOLDER), "--results", str(path), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 237
    assert found[1] == {
        "clause": "A1",
        "department": "galt",
        "source": "manual",
        "need": "enforced",
        "tests": [FIRST, SECOND],
        "passed": True,
    }


def test_the_table_and_the_page_name_what_is_not_built_yet_and_what_does_not_apply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, page = results(tmp_path / "results.json"), tmp_path / "matrix.html"
    assert platekeeper("policy", "matrix", str(FOLDER), "--results", str(path)) == 0
    text = capsys.readouterr().out
    assert platekeeper("policy", "matrix", str(FOLDER), "--results", str(path), "--html", str(page)) == 0
    for told in (text, page.read_text("utf-8")):
        for clause in TABLE.values():
            assert clause.id in told
            assert all(name.replace("'", "&#39;") in told or name in " ".join(told.split()) for name in clause.later)
        assert "not applicable" in told
        assert "test_one" in told
    assert "237 of 237 cells proved" in text


@pytest.mark.parametrize(("of", "said"), [({"passed": False}, "A1 galt: FAILED"), ({"cells": []}, None)])
def test_a_finished_group_without_a_passing_test_is_refused(
    tmp_path: Path, of: dict[str, object], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results(tmp_path / "results.json", **of)
    assert platekeeper("policy", "matrix", str(FOLDER), "--results", str(path), "--check") == (said is not None)
    assert (said or "every cell is proved") in "".join(capsys.readouterr())


def test_without_a_run_it_says_where_it_looked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert platekeeper("policy", "matrix", str(FOLDER), "--results", str(tmp_path / "none.json")) == 1
    assert "none.json: no results of a test run" in capsys.readouterr().err


@pytest.mark.parametrize(("parameter", "departments"), [("galt", ["galt"]), ("elsewhere", sorted(DEPARTMENTS))])
def test_a_test_proves_what_its_marks_name_for_the_department_of_its_parameter(
    parameter: str, departments: list[str]
) -> None:
    assert proving.cells([["A1"]], [parameter, 3]) == [["A1", name] for name in departments]
    assert proving.cells([["C3"]], []) == [["C3", name] for name in ("galt", "la-port", "pomona")]
    assert proving.cells([["C3", "galt", "pomona"]], ["la-port"]) == []


def test_part_of_a_run_keeps_what_it_did_not_run(tmp_path: Path) -> None:
    kept, path = proving.Kept(), tmp_path / "build" / "clauses.json"
    kept.tests = {"a": {"cells": [["A1", "galt"]], "passed": True}}
    kept.write(path, whole=True)
    kept.tests = {"b": {"cells": [["A2", "galt"]], "passed": False, "failed": True}}
    kept.write(path, whole=False)
    assert json.loads(path.read_text("utf-8")) == {
        "a": {"cells": [["A1", "galt"]], "passed": True},
        "b": {"cells": [["A2", "galt"]], "passed": False},
    }
    kept.write(path, whole=True)
    assert list(json.loads(path.read_text("utf-8"))) == ["b"]
