"""A policy file is refused as a whole, with every fault named by file and key."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import DEPARTMENTS, FOLDER, SECTIONS, department

from platekeeper_common.policy import PolicyError, Profile, check, load, load_folder, merge
from platekeeper_hotlist.policy import HotlistPolicy
from platekeeper_ingest.policy import IngestPolicy

Data = dict[str, dict[str, Any]]
VALID: dict[str, Data] = {name: tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")) for name in DEPARTMENTS}
PLACES = [(name, section, key) for name, data in VALID.items() for section in data for key in data[section]]
WORDS = st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True)
places = st.sampled_from(PLACES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("policies")


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def write(path: Path, data: Data) -> Path:
    lines = []
    for section, keys in data.items():
        lines += [f"[{section}]", *(f"{key} = {toml(value)}" for key, value in keys.items())]
    path.write_text("\n".join(lines), "utf-8")
    return path


def changed(name: str, section: str, /, **keys: object) -> Data:
    data = {title: dict(content) for title, content in VALID[name].items()}
    data.setdefault(section, {}).update(keys)
    return data


def without(name: str, section: str, key: str) -> Data:
    data = changed(name, section)
    del data[section][key]
    return data


def faults(path: Path) -> list[tuple[Path, str]]:
    with pytest.raises(PolicyError) as refusal:
        load(path, SECTIONS)
    for problem in refusal.value.problems:
        assert str(problem).startswith(f"{path}: {problem.key}: ")
        assert str(problem) in str(refusal.value)
    return [(problem.file, problem.key) for problem in refusal.value.problems]


@given(place=places)
def test_any_key_removed_is_refused_by_name(folder: Path, place: tuple[str, str, str]) -> None:
    name, section, key = place
    path = write(folder / f"{name}.toml", without(*place))
    assert faults(path) == [(path, f"{section}.{key}")]


@given(place=places, word=WORDS)
def test_any_unknown_key_is_refused_by_name(folder: Path, place: tuple[str, str, str], word: str) -> None:
    name, section, _ = place
    if word not in VALID[name][section]:
        path = write(folder / f"{name}.toml", changed(name, section, **{word: "x"}))
        assert faults(path) == [(path, f"{section}.{word}")]


@given(place=places, wrong=st.sampled_from([1979.5, -1, {"year": 1}, [], "", "5 minutes", ["x", "x"], 10**30]))
def test_any_value_of_a_wrong_kind_is_refused_by_name(folder: Path, place: tuple[str, str, str], wrong: object) -> None:
    name, section, key = place
    if isinstance(wrong, str) and isinstance(VALID[name][section][key], str) and wrong:
        return
    data = changed(name, section)
    data[section][key] = wrong
    path = folder / f"{name}.toml"
    write(path, data)
    if isinstance(wrong, dict):
        path.write_text(path.read_text("utf-8").replace(toml(wrong), "1979-05-27"), "utf-8")
    assert {key.split("[")[0] for _, key in faults(path)} == {f"{section}.{key}"}


@given(name=st.sampled_from(DEPARTMENTS), section=st.sampled_from(sorted(SECTIONS)))
def test_any_missing_section_is_refused_by_name(folder: Path, name: str, section: str) -> None:
    path = write(folder / f"{name}.toml", {title: keys for title, keys in VALID[name].items() if title != section})
    assert faults(path) == [(path, section)]


def test_a_misspelt_key_is_named_and_so_is_the_one_that_it_should_be(tmp_path: Path) -> None:
    data = without("pomona", "retention", "minimum")
    data["retention"]["minimun"] = "1 year"
    data["recognition"] = {}
    path = write(tmp_path / "pomona.toml", data)
    assert set(faults(path)) == {(path, "retention.minimum"), (path, "retention.minimun"), (path, "recognition")}


@pytest.mark.parametrize(
    ("section", "keys", "key"),
    [
        ("profile", {"name": "galt"}, "profile.name"),
        pytest.param(
            *("use", {"purposes": ["stolen_vehicle", "immigration_status"]}, "use.purposes"),
            marks=[pytest.mark.clause("A4"), pytest.mark.clause("J4")],
        ),
        pytest.param(
            *("use", {"purposes": ["stolen_vehicle", "personal_errand"]}, "use.purposes"),
            marks=pytest.mark.clause("A4"),
        ),
        pytest.param(
            *("use", {"purposes": ["stolen_vehicle", "ice_assist", "spouse_check"]}, "use.purposes"),
            marks=[pytest.mark.clause("A4", "pomona"), pytest.mark.clause("J4", "pomona")],
        ),
        ("use", {"require_suspicion": True}, "use.require_suspicion"),
        ("use", {"numbered_matter_types": ["felony"]}, "use"),
        ("hotlist", {"look_alikes": ["0O", "OQ"]}, "hotlist.look_alikes"),
        ("hotlist", {"look_alikes": ["0O", "i1"]}, "hotlist.look_alikes[1]"),
        ("hotlist", {"look_alikes_at_most": 3}, "hotlist.look_alikes_at_most"),
        ("hotlist", {"sighting_within": "10 minutes"}, "hotlist.sighting_within"),
        ("hotlist", {"sighting_within_metres": 0}, "hotlist.sighting_within_metres"),
        ("ingest", {"vehicle_transfer_within": "30 days"}, "ingest"),
        ("ingest", {"vehicle_transfer_within": "30 days", "vehicle_transfer_warning": "30 days"}, "ingest"),
        ("ingest", {"live_alert_max_age": "5 minutes"}, "ingest.live_alert_max_age"),
        ("retention", {"maximum": "60 days"}, "retention"),
        ("retention", {"minimum": "101 years"}, "retention.minimum"),
        ("ledger", {"access_years": True}, "ledger.access_years"),
        ("release", {"routes": ["federal"]}, "release.routes[0]"),
    ],
)
def test_a_value_that_no_policy_can_have_is_refused(
    tmp_path: Path, section: str, keys: dict[str, object], key: str
) -> None:
    path = write(tmp_path / "pomona.toml", changed("pomona", section, **keys))
    assert faults(path) == [(path, key)]


@pytest.mark.parametrize("content", [b"[profile", b"\xff\xfe", b"[profile]\nname = 1\nname = 2"])
def test_what_is_not_toml_is_refused_by_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pomona.toml"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=r"pomona\.toml: is not TOML"):
        load(path, SECTIONS)


def test_a_folder_is_refused_with_the_faults_of_all_its_files(tmp_path: Path) -> None:
    write(tmp_path / "pomona.toml", without("pomona", "ledger", "access_years"))
    write(tmp_path / "galt.toml", without("galt", "retention", "purge"))
    with pytest.raises(PolicyError) as refusal:
        load_folder(tmp_path, SECTIONS)
    assert [problem.key for problem in refusal.value.problems] == ["retention.purge", "ledger.access_years"]
    (tmp_path / "clauses.toml").write_text(
        '[A1]\ntitle = "x"\nstrength = "must"\nneed = "recorded"\nsections = { pomona = ".1" }', "utf-8"
    )
    lines = check(tmp_path, SECTIONS)
    assert len(lines) == 3
    assert "clauses.toml: A1.strength: must be one of shall" in lines[2]


def test_a_folder_without_profiles_or_clause_table_is_no_policy_folder(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no policy profile here"):
        load_folder(tmp_path, SECTIONS)
    assert [line.rpartition(": ")[2] for line in check(tmp_path, SECTIONS)] == [
        "no policy profile here",
        "No such file or directory",
    ]
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path / "pomona.toml", SECTIONS)


def test_a_clause_table_that_names_an_unknown_department_is_refused(tmp_path: Path) -> None:
    for name in DEPARTMENTS:
        write(tmp_path / f"{name}.toml", VALID[name])
    (tmp_path / "clauses.toml").write_text(
        '[A1]\ntitle = "x"\nstrength = "may"\nneed = "recorded"\nsections = { pomonna = ".1" }', "utf-8"
    )
    assert check(tmp_path, SECTIONS) == [f"{tmp_path / 'clauses.toml'}: no profile pomonna.toml"]


@given(name=st.sampled_from(DEPARTMENTS), data=st.data())
def test_order_and_comments_leave_the_version_alone(folder: Path, name: str, data: st.DataObject) -> None:
    shuffled = {
        section: {key: VALID[name][section][key] for key in data.draw(st.permutations(sorted(VALID[name][section])))}
        for section in data.draw(st.permutations(sorted(VALID[name])))
    }
    assert load(write(folder / f"{name}.toml", shuffled), SECTIONS) == department(name)


def test_a_changed_value_changes_the_version(tmp_path: Path) -> None:
    path = write(tmp_path / "pomona.toml", changed("pomona", "ingest", live_alert_max_age="4 min"))
    assert load(path, SECTIONS).version != department("pomona").version
    assert department("pomona").version.startswith("pomona-")


def test_a_section_belongs_to_one_model_and_a_model_to_one_section() -> None:
    with pytest.raises(ValueError, match=r"\[ingest\]"):
        merge({"ingest": IngestPolicy}, {"ingest": HotlistPolicy})
    with pytest.raises(ValueError, match="one model"):
        merge({"ingest": IngestPolicy, "intake": IngestPolicy})


def test_a_section_that_was_not_loaded_is_a_fault_of_the_program() -> None:
    bare = Profile(head=department("galt").head, version="test", sections={})
    with pytest.raises(LookupError, match="IngestPolicy"):
        bare.section(IngestPolicy)
