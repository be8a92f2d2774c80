"""Roles are given by the administrator's office alone, and widened by two persons (B2)."""

from pathlib import Path

import httpx
import pytest
from databases import on_both
from policy.test_policy_changes import office, told
from profiles import DEPARTMENTS
from standing import eventually
from unit.accounts.house import codes

GRANTS = "/v1/role-grants"


async def _id(client: httpx.AsyncClient, username: str) -> str:
    people = (await client.get("/v1/accounts")).json()
    return str(next(one["id"] for one in people if one["username"] == username))


async def _roles(client: httpx.AsyncClient, username: str) -> list[str]:
    people = (await client.get("/v1/accounts")).json()
    return list(next(one["roles"] for one in people if one["username"] == username))


@pytest.mark.clause("B2")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_two_persons_widen_what_an_account_may_and_one_narrows_it_at_once(tmp_path: Path, profile: str) -> None:
    async with office(tmp_path / "var", profile) as there:
        rivera = await _id(there.boss, "rivera")
        path = f"/v1/accounts/{rivera}/roles"
        wider = {"roles": ["officer", "investigator"], "reason": "moves to the detective bureau"}
        for client in (there.officer, there.chief):
            assert told(await client.put(path, json=wider)) == (403, "not_administrator", "B2")
        proposed = (await there.boss.put(path, json=wider)).json()
        assert (proposed["status"], await _roles(there.boss, "rivera")) == ("proposed", ["officer"])
        confirm = f"{GRANTS}/{proposed['id']}/confirm"
        assert told(await there.boss.post(confirm)) == (409, "same_person", "B2")
        assert told(await there.officer.post(confirm)) == (409, "same_person", "B2")
        there.here.clock.advance(seconds=1)
        confirmed = (await there.chief.post(confirm)).json()
        assert (confirmed["status"], confirmed["confirmed_by_name"]) == ("in_force", "Chief")
        assert await _roles(there.boss, "rivera") == ["investigator", "officer"]
        approvals = {one["username"]: one["approval"] for one in (await there.boss.get("/v1/access-approvals")).json()}
        assert approvals["rivera"]["scope"] == ["investigator", "officer"]
        assert approvals["rivera"]["approver_name"] == "Chief"
        beyond = {"roles": ["officer", "dispatcher"], "reason": "helps out"}
        assert told(await there.boss.put(path, json=beyond)) == (409, "title_not_authorised", "B5")

        async def worthless() -> bool:
            return codes([await there.officer.get("/v1/posts")]) == ["token_revoked"]

        await eventually(worthless)
        narrower = {"roles": ["officer"], "reason": "back on patrol"}
        assert (await there.boss.put(path, json=narrower)).json()["status"] == "in_force"
        assert await _roles(there.boss, "rivera") == ["officer"]


@on_both
@pytest.mark.clause("B2")
async def test_a_grant_that_nobody_may_confirm_any_more_is_refused(tmp_path: Path) -> None:
    async with office(tmp_path / "var", "pomona") as there:
        rivera = await _id(there.boss, "rivera")
        await there.here.hire(there.boss, "clerk")
        path = f"/v1/accounts/{rivera}/roles"
        wrong = [
            {"roles": ["king"], "reason": "x"},
            {"roles": ["officer"], "reason": "x"},
            {"roles": ["auditor"], "reason": " "},
        ]
        refused = [await there.boss.put(path, json=body) for body in wrong]
        assert codes(refused) == ["role_unknown", "roles_unchanged", "invalid_request"]
        first = (await there.boss.put(path, json={"roles": ["investigator"], "reason": "x"})).json()
        second = (await there.boss.put(path, json={"roles": ["officer", "investigator"], "reason": "x"})).json()
        clerk = await there.here.login("clerk")
        answers = [
            await there.chief.post(f"{GRANTS}/{first['id']}/confirm"),
            await clerk.post(f"{GRANTS}/{second['id']}/confirm"),
            await there.chief.post(f"{GRANTS}/none/confirm"),
            await there.chief.post(f"{GRANTS}/{second['id']}/confirm"),
            await there.chief.post(f"{GRANTS}/{second['id']}/confirm"),
        ]
        expected = ["grant_settled", "not_second_person", "grant_unknown", "200", "grant_settled"]
        assert codes(answers) == expected
        listed = (await there.boss.get(GRANTS)).json()
        assert [one["status"] for one in listed] == ["in_force", "superseded"]
        assert (await there.boss.post(f"/v1/accounts/{rivera}/disable")).is_success
        gone = await there.boss.put(path, json={"roles": ["officer"], "reason": "x"})
        assert codes([gone]) == ["account_disabled"]


@pytest.mark.clause("B2")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_nobody_but_the_administrator_in_office_could_sign_on_as_somebody_in_office(
    tmp_path: Path, profile: str
) -> None:
    """A one-time password or an issuer of one's own would make one person two."""
    async with office(tmp_path / "var", profile) as there:
        await there.here.hire(there.boss, "helper", "administrator")
        helper = await there.here.login("helper")
        issuer = {"issuer": "https://login.example.org", "client_id": "platekeeper", "client_secret": "secret"}
        paths = [f"/v1/accounts/{await _id(helper, name)}/reset" for name in ("boss", "chief", "rivera")]
        answers = [*[await helper.post(path) for path in paths], await helper.put("/v1/issuer", json=issuer)]
        assert codes(answers) == ["not_administrator", "not_administrator", "200", "not_administrator"]
        assert {one.json()["clause"] for one in answers if one.is_error} == {"B2"}
        assert (await there.here.try_login("chief")).is_success
        assert (await there.boss.post(paths[1])).is_success
