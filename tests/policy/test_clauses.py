"""The clause table is complete, and everything that names a clause names one that exists."""

import re
from collections import Counter
from pathlib import Path

import pytest
from profiles import DEPARTMENTS, FOLDER, department

from platekeeper_common import clauses

ROOT = FOLDER.parent
CLAUSES = clauses.load(FOLDER / clauses.FILE)
CITED = re.compile(r"([A-J][0-9]+): ([^;\n]+)")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_the_table_holds_all_clauses_and_cells() -> None:
    letters = {"A": 8, "B": 11, "C": 3, "D": 2, "E": 2, "F": 7, "G": 5, "H": 3, "I": 7, "J": 4}
    assert list(CLAUSES) == [f"{letter}{n}" for letter, count in letters.items() for n in range(1, count + 1)]
    assert sum(letters.values()) == 52
    cells = Counter(name for clause in CLAUSES.values() for name in clause.sections)
    assert cells == {"pomona": 50, "galt": 50, "corona": 43, "downey": 43, "la-port": 51}
    assert cells.total() == 237


def test_departments_that_put_a_clause_differently_are_told_apart() -> None:
    assert [CLAUSES["D2"].strength_for(name) for name in DEPARTMENTS] == ["should"] * 4 + ["shall"]
    assert [CLAUSES["F3"].strength_for(name) for name in DEPARTMENTS] == ["should", "should", "may", "may", "should"]
    assert all(set(clause.strengths) <= set(clause.sections) for clause in CLAUSES.values())
    assert {clause.strength for clause in CLAUSES.values() if clause.id.startswith("J")} == {"statute"}


@pytest.mark.parametrize("name", DEPARTMENTS)
def test_the_citations_of_a_profile_are_those_of_the_table(name: str) -> None:
    section = department(name).head.section
    comments = [line for line in (FOLDER / f"{name}.toml").read_text("utf-8").splitlines() if line.startswith("# ")]
    cited = [citation for line in comments for citation in CITED.findall(line)]
    assert len(cited) > 15
    for clause_id, place in cited:
        cell = CLAUSES[clause_id].sections.get(name)
        expected = "not in the manual" if cell is None else cell if cell == "statute" else section + cell
        assert (clause_id, place) == (clause_id, expected)


def test_every_clause_that_the_code_refuses_with_exists() -> None:
    named = {
        clause_id
        for path in sources("platekeeper", "libs", "services")
        for clause_id in re.findall(r'clause="([^"]*)"', path.read_text("utf-8"))
    }
    assert named
    assert named <= CLAUSES.keys()


def test_every_clause_that_a_test_proves_binds_the_departments_it_is_proved_for() -> None:
    for path in sources("tests"):
        for clause_id, named in re.findall(r'mark\.clause\("([^"]*)"((?:, "[^"]*")*)\)', path.read_text("utf-8")):
            assert clause_id in CLAUSES, path
            assert set(re.findall(r'"([^"]*)"', named)) <= CLAUSES[clause_id].sections.keys(), path


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[K1]\ntitle = "x"', "K1: is no clause"),
        ('A1 = "x"', "A1: is no clause"),
        ('[A1]\ntitle = 1\nstrength = "may"\nsections = {}', "A1.title: must be a text"),
        ('[A1]\ntitle = "x"\nstrength = ["may"]\nsections = {}', "A1.strength: must be one of"),
        ('[A1]\ntitle = "x"\nstrength = "may"\nneed = "some"', "A1.need: must be one of"),
        ('[A1]\ntitle = "x"\nstrength = "may"\nlater = "x"', "A1.later: must hold names"),
        ('[A1]\ntitle = "x"\nstrength = "may"', "A1.sections: this entry is missing"),
        ('[A1]\ntitle = "x"\nstrength = "may"\nsections = {}\nsection = 1', "A1.section: no such entry"),
        ('[A1]\ntitle = "x"\nstrength = "may"\nsections = "all"', "A1.sections: must name departments"),
        ('[A1]\ntitle = "x"\nstrength = "may"\nsections = { galt = "" }', "A1.sections.galt: is not allowed"),
        (
            '[A1]\ntitle = "x"\nstrength = "may"\nsections = {}\nstrengths = { galt = "must" }',
            "A1.strengths.galt: is not",
        ),
        ("[A1", "is not TOML"),
    ],
)
def test_a_faulty_table_is_refused_by_file_and_key(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "clauses.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(clauses.ClauseError) as refusal:
        clauses.load(path)
    assert any(problem.startswith(f"{path}: {fault}") for problem in refusal.value.problems)
