"""G4: an auditor looks and says what was found, and changes nothing else."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from profiles import DEPARTMENTS
from unit.accounts.house import house, title_for

from platekeeper_common.actions import Action
from platekeeper_common.rules import AUDITORS_WORK, RULES

TABLE = tomllib.loads(Path(__file__).with_name("authorization.toml").read_text(encoding="utf-8"))


@pytest.mark.clause("G4")
def test_an_auditors_acts_only_read_but_for_what_an_audit_finds() -> None:
    given = {action for action, rule in RULES.items() if "auditor" in rule.roles}
    writing = {action for action in given for door in TABLE[action.value]["doors"] if not door.startswith("GET ")}
    looking = {Action.MATTER_CHOOSE, Action.MATTER_NUMBER, Action.RECORDS_TRACE}  # why one looks, and a question
    assert writing - looking == AUDITORS_WORK
    assert {Action.RECORDS_VIEW, Action.RECORDS_PROVE, Action.AUDIT_VIEW, Action.REVIEW_VIEW} <= given


@pytest.mark.clause("G4")
def test_an_auditor_opens_no_reads() -> None:
    for action in (Action.SEARCH, Action.READ_VIEW, Action.IMAGE_VIEW, Action.HITS_VIEW, Action.HOTLIST_EDIT):
        assert "auditor" not in RULES[action].roles
        assert RULES[action].roles


@pytest.mark.clause("G4")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_an_auditors_account_has_an_end_and_no_other_role(tmp_path: Path, name: str) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed(profile=name)
        end = (here.clock() + timedelta(days=30)).isoformat()
        wrong: dict[str, dict[str, Any]] = {
            "auditor_undated": {"roles": ["auditor"]},
            "auditor_alone": {"roles": ["auditor", "officer"], "valid_until": end},
        }
        for code, more in wrong.items():
            body = {"username": "outside", "name": "Outside Auditor", "title": title_for(name, *more["roles"]), **more}
            refused = await boss.post("/v1/accounts", json=body)
            assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (422, code, "G4")
        account_id = await here.hire(boss, "outside", "auditor", valid_until=end)
        widened = await boss.put(
            f"/v1/accounts/{account_id}/roles", json={"roles": ["auditor", "officer"], "reason": "to search"}
        )
        assert (widened.status_code, widened.json()["code"]) == (422, "auditor_alone")
        assert (await here.try_login("outside")).status_code == 200
        here.clock.advance(days=30)
        assert (await here.try_login("outside")).is_error
