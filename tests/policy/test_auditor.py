"""G4: an auditor looks and says what was found, and changes nothing else."""

import tomllib
from pathlib import Path

import pytest

from platekeeper_common.authorization import AUDITORS_WORK, RULES, Action

TABLE = tomllib.loads(Path(__file__).with_name("authorization.toml").read_text(encoding="utf-8"))


@pytest.mark.clause("G4")
def test_an_auditors_acts_only_read_but_for_what_an_audit_finds() -> None:
    given = {action for action, rule in RULES.items() if "auditor" in rule.roles}
    writing = {action for action in given for door in TABLE[action.value]["doors"] if not door.startswith("GET ")}
    assert writing == AUDITORS_WORK
    assert {Action.RECORDS_VIEW, Action.RECORDS_PROVE, Action.AUDIT_VIEW, Action.REVIEW_VIEW} <= given


@pytest.mark.clause("G4")
def test_an_auditor_opens_no_reads() -> None:
    for action in (Action.SEARCH, Action.READ_VIEW, Action.IMAGE_VIEW, Action.HITS_VIEW, Action.HOTLIST_EDIT):
        assert "auditor" not in RULES[action].roles
        assert RULES[action].roles
