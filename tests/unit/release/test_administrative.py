"""Requests for administrative matters: who files, lists, opens, fulfils and hands them out (A8)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from unit.accounts.house import certificate
from unit.release.desk import WITH_REQUESTS, Desk, desk, good, told

MATTER = {"matter_type": "administrative", "matter_number": "IA-26-0417"}
SAID = {"intended_purpose": "Conduct of Officer Smith on duty", "person": {"name": "Sgt. Jones, Standards Bureau"}}
REFUSED = (403, "purpose_not_allowed", "A8")


async def hired(here: Desk, username: str, *roles: str) -> httpx.AsyncClient:
    """A trained person of these roles, signed on."""
    account = await here.house.hire(here.boss, username, *roles)
    sergeant = await here.house.login("sergeant")
    good(await sergeant.post("/v1/training-certificates", json=certificate(here.house, account)))
    here.people[username] = account
    return await here.house.login(username)


async def filed(here: Desk, by: httpx.AsyncClient) -> str:
    return str(good(await by.post("/v1/release-requests", json=here.request(**MATTER, **SAID)))["id"])


async def lines(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list(good(await client.get("/v1/release-requests"))["requests"])


@pytest.mark.clause("A8", "pomona", "galt", "la-port")
@pytest.mark.parametrize("department", WITH_REQUESTS)
async def test_an_administrative_matter_is_shown_to_its_role_alone(tmp_path: Path, department: str) -> None:
    async with desk(tmp_path / "var", department) as here:
        standards = await hired(here, "standards", "internal_affairs", "investigator")
        plain = good(await here.clerk.post("/v1/release-requests", json=here.request()))["id"]
        request_id = await filed(here, standards)
        path = f"/v1/release-requests/{request_id}"
        shown = await here.clerk.get(path)
        assert told(shown) == REFUSED
        detail = shown.json()["detail"]
        assert [who for who in ("internal_affairs", "auditor", "administrator") if who not in detail] == []
        assert [told for told in ("Smith", "IA-26", "Ontario") if told in shown.text] == []
        (record,) = await here.records("release.view", "refused")
        assert (record.username, record.code, record.clause) == ("clerk", "purpose_not_allowed", "A8")
        assert request_id in (await here.elements(record))["asked"]
        assert good(await standards.get(path))["request"]["intended_purpose"] == SAID["intended_purpose"]
        assert good(await here.clerk.get(f"/v1/release-requests/{plain}"))["id"] == plain


@pytest.mark.clause("A8")
async def test_a_list_counts_it_and_names_its_agency_to_those_alone_who_may_open_it(here: Desk) -> None:
    standards = await hired(here, "standards", "internal_affairs", "investigator")
    auditor = await hired(here, "reader", "auditor")
    await here.receive()
    await filed(here, standards)
    ontario = "Ontario Police Department"
    for reader, agency in ((here.clerk, None), (standards, ontario), (auditor, ontario), (here.boss, ontario)):
        listed = await lines(reader)
        assert [(one["number"], one["status"], one["agency"]) for one in listed] == [
            ("R-2026-0002", "received", agency),
            ("R-2026-0001", "received", ontario),
        ]
    page = good(await here.clerk.get("/v1/release-requests", params={"limit": 1}))
    assert page["next_cursor"] == "R-2026-0002"


@pytest.mark.clause("A8")
@pytest.mark.clause("B3")
async def test_who_decides_and_who_audits_open_it_too(here: Desk) -> None:
    standards = await hired(here, "standards", "internal_affairs", "investigator")
    lieutenant = await hired(here, "lieutenant", "dispatcher")
    auditor = await hired(here, "reader", "auditor")
    path = f"/v1/release-requests/{await filed(here, standards)}"
    assert told(await lieutenant.get(path)) == REFUSED
    for reader in (here.boss, auditor):
        assert good(await reader.get(path))["request"]["use"]["matter_number"] == MATTER["matter_number"]
    ends = (here.clock() + timedelta(minutes=4)).isoformat()
    body = {"post": "administrator", "account_id": here.people["lieutenant"], "acts": ["release.decide"], "ends": ends}
    given = good(await here.boss.post("/v1/delegations", json=body))["id"]
    designee = await here.house.login("lieutenant")
    assert good(await designee.get(path))["status"] == "received"
    by_office = {record.username: record.authority for record in await here.records("release.view", most=3)}
    assert by_office == {"boss": None, "reader": None, "lieutenant": f"delegation:{given}"}
    here.clock.advance(minutes=4)
    assert told(await designee.get(path)) == REFUSED


@pytest.mark.clause("A8")
async def test_what_was_sent_is_told_and_handed_out_to_its_role_alone(here: Desk) -> None:
    standards = await hired(here, "standards", "internal_affairs", "investigator")
    request_id = await filed(here, standards)
    path = f"/v1/release-requests/{request_id}"
    good(await here.decide(request_id))
    assert told(await here.fulfil(request_id)) == REFUSED
    assert told(await here.clerk.get(f"{path}/package")) == REFUSED
    good(await standards.post(f"{path}/fulfilment"))
    again = await here.fulfil(request_id)
    assert told(again) == REFUSED
    assert "Smith" not in again.text
    assert told(await here.clerk.get(f"{path}/package")) == REFUSED
    assert good(await standards.post(f"{path}/fulfilment"))["status"] == "fulfilled"
    assert (await standards.get(f"{path}/package")).status_code == 200
    refused = await here.records("release.fulfil", "refused", most=2)
    assert {(record.username, record.clause) for record in refused} == {("clerk", "A8")}
