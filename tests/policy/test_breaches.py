"""G5 through the door: the record of a breach, its policy and its clock, what it touched, and that it is ended."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from profiles import DEPARTMENTS, department
from standing import AGENCY, Town, town
from unit.ledger.auditing import Records, records_of, sent, told

from platekeeper_access_audit.ledger.policy import LedgerPolicy
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common.ids import AgencyId

BOUND = ("pomona", "galt", "la-port")
GALT = AgencyId("galt-pd")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """The ledger standing."""
    async with town(tmp_path / "var", (LEDGER,)) as here:
        yield here


async def reported(here: Town, client: httpx.AsyncClient, **different: Any) -> dict[str, Any]:
    body = {
        "summary": "an officer's password was used from abroad",
        "scope": "searches of one account",
        "detected_at": (here.clock() - timedelta(hours=2)).isoformat(),
    }
    answer = await client.post("/v1/breaches", json={**body, **different})
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def did(client: httpx.AsyncClient, breach: dict[str, Any], what: str, **more: Any) -> httpx.Response:
    return await client.post(f"/v1/breaches/{breach['id']}/steps", json={"what": what, "note": "as agreed"} | more)


@on_both
@pytest.mark.clause("G5", *BOUND)
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_a_breach_is_handled_under_the_policy_that_the_profile_names(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    policy = department(name).section(LedgerPolicy).breach_policy
    assert (policy is not None) == (name in BOUND)
    async with here.client(here.person("chief", "administrator")) as chief:
        breach = await reported(here, chief)
        assert (breach["policy"], breach["overdue"], breach["hours_since_detection"]) == (policy, False, 2.0)
        assert breach["revoke_tokens"] == f"/v1/agencies/{AGENCY}/revoke-tokens"
        early = await chief.post(f"/v1/breaches/{breach['id']}/close", json={"note": "done"})
        assert (early.status_code, early.json()["code"], early.json()["clause"]) == (409, "breach_unfinished", "G5")
        assert (f"as {policy} asks" in early.json()["detail"]) == (policy is not None)
        assert (await did(chief, breach, "notice")).json()["code"] == "recipient_missing"
        await did(chief, breach, "tokens_revoked")
        await did(chief, breach, "contained")
        await here.let_pass(minutes=4)
        contained = (await did(chief, breach, "notice", to="the person concerned")).json()
        assert contained["hours_since_detection"] == pytest.approx(2.07, abs=0.01)
        (notice,) = [step for step in contained["steps"] if step["what"] == "notice"]
        assert notice["recorded_at"] == notice["at"]
        closed = await chief.post(f"/v1/breaches/{breach['id']}/close", json={"note": "done"})
        assert (closed.status_code, closed.json()["overdue"]) == (200, False)
        assert [step["what"] for step in closed.json()["steps"]] == [
            "recorded",
            "tokens_revoked",
            "contained",
            "notice",
            "closed",
        ]
        assert (await did(chief, breach, "note")).json()["code"] == "breach_closed"
        assert len(await records_of(here, chief, "breach.edit", 8)) == 8


@on_both
@pytest.mark.clause("G5", *BOUND)
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_nobody_told_in_time_alarms_the_administrator(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    async with here.client(here.person("chief", "administrator")) as chief:
        breach = await reported(here, chief)
        await reported(here, chief, summary="a lost phone", detected_at=here.clock().isoformat())
    await here.let_pass(hours=70, minutes=1)
    async with here.client(here.person("chief", "administrator")) as chief:
        (alert,) = await told(here, chief)
        assert (alert["kind"], alert["about"], alert["clause"]) == ("notification_overdue", breach["id"], "G5")
        assert alert["sentence"] == (
            "Nobody has been told of the breach detected on 2026-11-22 16:00 UTC; that was due by 2026-11-25 16:00 UTC."
        )
        listed = {one["summary"]: one["overdue"] for one in (await chief.get("/v1/breaches")).json()}
        assert listed == {"an officer's password was used from abroad": True, "a lost phone": False}


@on_both
@pytest.mark.clause("G5", *BOUND)
async def test_the_scope_of_a_breach_is_told_by_the_access_records(here: Town) -> None:
    records = Records(here)
    before = await records.search("officer", found=9)
    here.clock.advance(minutes=1)
    start = here.clock()
    touched = [await records.search("officer", found=2), await records.search("officer", found=3)]
    others = [await records.refusal("not_allowed", "A2", "deputy"), await records.search("deputy")]
    await sent(here, before, *touched, *others)
    async with here.client(here.person("chief", "administrator")) as chief:
        breach = await reported(here, chief)
        path = f"/v1/breaches/{breach['id']}/scope"
        span = {"from": start.isoformat(), "to": (start + timedelta(seconds=30)).isoformat()}
        scope = (await chief.get(path, params=span)).json()
        assert (scope["records"], scope["organisations"]) == (4, ["Pomona Police Department"])
        deputy, officer = scope["actors"]
        assert (officer["actions"], officer["results"], officer["refused"]) == ({"reads.search": 2}, 5, 0)
        assert sorted(officer["result_ids"]) == ["read-0", "read-1", "read-2"]
        assert officer["addresses"] == ["203.0.113.7"]
        assert (deputy["username"], deputy["refused"]) == ("deputy", 1)
        one = (await chief.get(path, params=span | {"subject": "account-officer"})).json()
        assert [actor["username"] for actor in one["actors"]] == ["officer"]
        assert (await chief.get(path, params=span | {"device": "car-1"})).json()["records"] == 0
        assert (await chief.get(path, params=span | {"to": span["from"]})).json()["code"] == "period_empty"
        looked = await records_of(here, chief, "breach.view", 4)
        assert any(f"{breach['id']}?" in str(one["object_id"]) for one in looked)


@pytest.mark.clause("G5", *BOUND)
async def test_breaches_are_their_agencys_and_the_administrators(here: Town) -> None:
    await here.open_agency(GALT, "galt")
    async with here.client(here.person("chief", "administrator")) as chief:
        breach = await reported(here, chief)
        future = {"summary": "too early", "scope": "nothing", "detected_at": "2030-01-01T00:00:00Z"}
        assert (await chief.post("/v1/breaches", json=future)).json()["code"] == "detected_in_future"
        past = await did(chief, breach, "contained", at="2020-01-01T00:00:00Z")
        assert past.json()["code"] == "moment_invalid"
    async with here.client(here.person("galt", "administrator", agency_id=GALT)) as galt:
        assert (await galt.get(f"/v1/breaches/{breach['id']}")).json()["code"] == "breach_unknown"
        assert (await did(galt, breach, "note")).json()["code"] == "breach_unknown"
    async with here.client(here.person("inspector", "auditor")) as inspector:
        assert (await inspector.get(f"/v1/breaches/{breach['id']}")).status_code == 200
        assert (await did(inspector, breach, "note")).json()["code"] == "not_allowed"
    async with here.client(here.person("officer")) as officer:
        assert (await officer.get("/v1/breaches")).json()["code"] == "not_allowed"


@on_both
@pytest.mark.clause("G5", "pomona")
async def test_a_step_shows_when_it_was_entered_and_no_text_holds_what_an_engine_would_refuse(here: Town) -> None:
    async with here.client(here.person("chief", "administrator")) as chief:
        breach = await reported(here, chief)
        earlier = (here.clock() - timedelta(hours=1)).isoformat()
        shown = (await did(chief, breach, "notice", to="the person concerned", at=earlier)).json()
        (notice,) = [step for step in shown["steps"] if step["what"] == "notice"]
        assert datetime.fromisoformat(notice["at"]) == datetime.fromisoformat(earlier)
        assert datetime.fromisoformat(notice["recorded_at"]) == here.clock()
        for wrong in ({"note": "seen\0"}, {"note": "seen", "to": "\0\0"}):
            refused = await did(chief, breach, "notice", **wrong)
            assert (refused.status_code, refused.json()["code"]) == (422, "text_invalid")
        assert (await did(chief, breach, "note", note="the folder C:\\u0000 of the server")).status_code == 201
        assert (await chief.get("/v1/breaches?summary=%00")).json()["code"] == "text_invalid"
