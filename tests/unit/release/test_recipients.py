"""The register of recipients: who may be sent anything at all, and whom they vouch for (C2, I1, I7, J2, J4)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import databases
import httpx
import pytest
from databases import on_both
from profiles import DEPARTMENTS
from unit.release.desk import ONTARIO, WITH_REQUESTS, Desk, desk, good, told

NOT_OURS = (
    {"level": "federal", "name": "Federal Bureau of Investigation"},
    {"state": "NV", "name": "Reno Police Department"},
    {"public_agency": False, "name": "Valley Repossessions Inc", "kind": "other", "ori": None},
    {"public_agency": False, "state": "NV", "level": "federal"},
)


async def entered(here: Desk, **different: Any) -> str:
    return str(good(await here.boss.post("/v1/recipients", json=ONTARIO | different))["id"])


async def ask(here: Desk, recipient: str, **different: Any) -> httpx.Response:
    body = here.request(agency={"recipient_id": recipient, "name": "As written"}, **different)
    return await here.clerk.post("/v1/release-requests", json=body)


@on_both
@pytest.mark.clause("I1")
async def test_the_register_is_the_administrators_and_stays(here: Desk) -> None:
    assert told(await here.clerk.post("/v1/recipients", json=ONTARIO)) == (403, "not_allowed", "A2")
    no_ori = await here.boss.post("/v1/recipients", json=ONTARIO | {"ori": None})
    assert told(no_ori) == (422, "ori_required", "I1")
    (listed,) = good(await here.clerk.get("/v1/recipients"))
    assert (listed["name"], listed["ori"], listed["entered_by"]) == (ONTARIO["name"], ONTARIO["ori"], "boss")
    good(await here.boss.post(f"/v1/recipients/{here.recipient}/withdraw"))
    again = await here.boss.post(f"/v1/recipients/{here.recipient}/withdraw")
    assert told(again) == (409, "recipient_withdrawn", None)
    (kept,) = good(await here.clerk.get("/v1/recipients"))
    assert kept["withdrawn_at"]
    assert told(await ask(here, here.recipient)) == (403, "recipient_not_eligible", "I1")
    assert told(await ask(here, "nobody")) == (404, "recipient_unknown", None)


@pytest.mark.clause("J2", "pomona", "galt", "la-port")
@pytest.mark.parametrize("department", WITH_REQUESTS)
async def test_only_public_agencies_of_california_and_no_override(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department) as here:
        for different in NOT_OURS:
            recipient = await entered(here, **different)
            assert told(await ask(here, recipient)) == (403, "not_ca_public_agency", "J2")
            for attempt in ("override", "force", "route"):
                answer = await ask(here, recipient, **{attempt: "legal_process"})
                assert told(answer)[:2] == (422, "invalid_request")
        refused = await here.records("release.receive", "refused", most=len(NOT_OURS))
        assert {"not_ca_public_agency"} <= {record.code for record in refused}
        assert good(await here.clerk.get("/v1/release-requests"))["requests"] == []


@pytest.mark.clause("I1", "pomona", "galt", "la-port")
@pytest.mark.clause("I7", "pomona", "galt", "la-port")
@pytest.mark.parametrize("department", WITH_REQUESTS)
async def test_others_than_law_enforcement_are_sent_to_their_office(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department) as here:
        works = await entered(here, kind="other", ori=None, name="Department of Public Works")
        answer = await ask(here, works)
        assert told(answer) == (403, "recipient_not_eligible", "I1")
        owner = {"la-port": "Section 810"}.get(department, "Records Maintenance and Release Policy")
        assert answer.json()["refer_to"] == owner
        attorney = await entered(here, kind="prosecutor", name="District Attorney", ori="CA036013A")
        assert good(await ask(here, attorney))["number"] == "R-2026-0001"


@pytest.mark.clause("J4")
async def test_no_agency_of_that_name_or_basis_is_entered(here: Desk) -> None:
    for different in (
        {"name": "U.S. Immigration and Customs Enforcement"},
        {"legal_basis": "8 USC 1373, immigration enforcement"},
    ):
        answer = await here.boss.post("/v1/recipients", json=ONTARIO | different)
        assert told(answer) == (403, "immigration_refused", "J4")
    assert [one["name"] for one in good(await here.boss.get("/v1/recipients"))] == [ONTARIO["name"]]


@pytest.mark.clause("J4")
async def test_an_agency_entered_before_on_that_basis_is_given_nothing(here: Desk) -> None:
    request_id = await here.approved()
    url = here.house.standing.foundation.settings.database_of("release")
    await databases.run(url, "UPDATE recipient SET legal_basis = 'ICE detainer, 8 CFR 287.7'")
    for answer in (await here.fulfil(request_id), await ask(here, here.recipient)):
        assert told(answer) == (403, "immigration_refused", "J4")


@pytest.mark.clause("J4")
async def test_no_person_of_that_work_is_vouched_for(here: Desk) -> None:
    path, until = f"/v1/recipients/{here.recipient}/people", here.clock() + timedelta(days=30)
    lopez = {"name": "Maria Lopez", "title": "Detective", "course": "ALPR operator", "asserted_by": "Lt. Kim"}
    for different in (
        {"name": "ICE Agent Doe"},
        {"title": "Deportation officer"},
        {"course": "ERO officer basics"},
        {"asserted_by": "ICE field office"},
    ):
        answer = await here.boss.post(path, json=lopez | {"valid_until": until.isoformat()} | different)
        assert told(answer) == (403, "immigration_refused", "J4")
    assert good(await here.clerk.get(path)) == []


@pytest.mark.clause("C2")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_a_partner_asserts_the_training_of_its_people_and_it_is_kept(tmp_path: Path, profile: str) -> None:
    async with desk(tmp_path / "var", profile) as here:
        path, now = f"/v1/recipients/{here.recipient}/people", here.house.clock()
        lopez = {
            "name": "Maria Lopez",
            "title": "Detective",
            "course": "ALPR operator",
            "valid_until": (now + timedelta(days=30)).isoformat(),
            "asserted_by": "Lt. Kim, Training",
        }
        entered = good(await here.boss.post(path, json=lopez))
        assert (entered["current"], entered["entered_by"]) == (True, here.people["boss"])
        lapsed = lopez | {"valid_until": now.isoformat()}
        assert told(await here.boss.post(path, json=lapsed)) == (422, "training_lapsed", "C2")
        assert told(await here.clerk.post(path, json=lopez)) == (403, "not_allowed", "A2")
        unknown = await here.boss.post("/v1/recipients/nobody/people", json=lopez)
        assert told(unknown) == (404, "recipient_unknown", None)
        assert good(await here.clerk.get(path)) == [entered]
        await here.records("recipient.edit", most=2)
