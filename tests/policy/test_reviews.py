"""A1, A4, A8 through the door: what is queued for review, what the administrator hears of at once, who may settle."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from folders import contents
from profiles import DEPARTMENTS
from standing import AGENCY, Town, eventually, town
from unit.ledger.auditing import PLATE, UNNUMBERED, Records, queued, records_of, sent, told, watched
from unit.ledger.samples import send

from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common.access import Use
from platekeeper_common.ids import AgencyId
from platekeeper_retention.service import SERVICE as RETENTION

GALT = AgencyId("galt-pd")
OTHER = {"purpose": "other_le", "matter_type": "criminal", "matter_number": "26-0117"}
WELFARE = Use(purpose="other_le", matter_type="criminal", matter_number="26-0117", reason="welfare check")
SETTLED = {"finding": "the welfare check was real", "disposition": "no_violation"}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """Retention and the ledger standing."""
    async with town(tmp_path / "var", (RETENTION, LEDGER)) as here:
        yield here


async def search(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await client.post("/v1/searches", json={"plate": PLATE, **OTHER, **more})


@on_both
@pytest.mark.clause("A1")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_a_purpose_in_words_goes_to_the_supervisors_queue(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    async with here.client(here.person("officer")) as officer:
        assert (await search(officer, reason="welfare check at the request of the family")).status_code == 201
        assert (await search(officer, purpose="stolen_vehicle")).status_code == 201
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        (item,) = await queued(here, sergeant)
        assert (item["kind"], item["username"], item["state"]) == ("other_le", "officer", "open")
        assert (
            item["sentence"] == "Officer opened plate data for a law enforcement purpose that the list does not name."
        )
        shown = (await sergeant.get(f"/v1/reviews/{item['id']}")).json()
        assert shown["reasons"] == ["welfare check at the request of the family"]
        settled = await sergeant.post(f"/v1/reviews/{item['id']}/settle", json=SETTLED)
        assert (settled.status_code, settled.json()["state"]) == (200, "settled")
        again = await sergeant.post(f"/v1/reviews/{item['id']}/settle", json=SETTLED)
        assert (again.status_code, again.json()["code"]) == (409, "review_settled")


@pytest.mark.clause("A1")
async def test_searches_of_one_matter_session_are_one_item(here: Town) -> None:
    use = replace(WELFARE, matter_session="session-1")
    records = Records(here)
    await send(here, *[await records.search(use=use) for _ in range(3)])
    await send(here, await records.search(use=use), await records.search("deputy", use=use))
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        items = {item["username"]: item for item in await queued(here, sergeant, 2)}
        assert len(items["officer"]["record_ids"]) == 4


@pytest.mark.clause("C2")
@pytest.mark.clause("A8")
@pytest.mark.clause("G2")
async def test_words_of_a_purpose_may_hold_plates_and_open_to_whom_plate_data_opens(here: Town) -> None:
    await send(here, await Records(here).search(use=WELFARE))
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        (item,) = await queued(here, sergeant)
    for lacks in ({"trained": False}, {"approved_until": None}, {"second_factor_owed": True}):
        async with here.client(here.person("sergeant", "supervisor", **lacks)) as sergeant:
            assert (await sergeant.get(f"/v1/reviews/{item['id']}")).json()["reasons"] == "sealed"


@on_both
@pytest.mark.clause("A1")
@pytest.mark.parametrize("path", ["/v1/reviews", "/v1/alerts"])
async def test_a_page_begins_where_one_can_have_ended(here: Town, path: str) -> None:
    async with here.client(here.person("chief", "administrator")) as chief:
        assert (await chief.get(path, params={"cursor": 2**53 - 1})).status_code == 200
        for cursor in (0, 2**53, 2**63, 10**20):
            refused = await chief.get(path, params={"cursor": cursor})
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


@pytest.mark.clause("A1")
async def test_nobody_reviews_their_own_acts(here: Town) -> None:
    async with here.client(here.person("chief", "administrator", "investigator")) as chief:
        assert (await search(chief, reason="welfare check")).status_code == 201
        (item,) = await queued(here, chief)
        for path, body in (("settle", SETTLED), ("assign", {"reviewer": "account-other"})):
            refused = await chief.post(f"/v1/reviews/{item['id']}/{path}", json=body)
            told = refused.json()
            assert (refused.status_code, told["code"], told["clause"]) == (403, "own_review", "G4")
            assert "another administrator" in told["detail"]
    async with here.client(here.person("inspector", "auditor")) as inspector:
        refused = await inspector.post(f"/v1/reviews/{item['id']}/assign", json={"reviewer": "account-chief"})
        assert (refused.status_code, refused.json()["code"]) == (403, "own_review")


@pytest.mark.clause("A1")
async def test_each_step_of_a_review_is_kept_and_recorded(here: Town) -> None:
    await send(here, await Records(here).search(use=WELFARE))
    async with (
        here.client(here.person("chief", "administrator")) as chief,
        here.client(here.person("sergeant", "supervisor")) as sergeant,
    ):
        (item,) = await queued(here, chief)
        path = f"/v1/reviews/{item['id']}"
        assert (await chief.post(f"{path}/assign", json={"reviewer": "account-sergeant"})).status_code == 200
        taken = await chief.post(f"{path}/settle", json=SETTLED)
        assert (taken.status_code, taken.json()["code"]) == (409, "assigned_to_another")
        assert (await sergeant.post(f"{path}/settle", json=SETTLED)).status_code == 200
        shown = (await chief.get(path)).json()
        assert [(step["what"], step["username"]) for step in shown["steps"]] == [
            ("opened", "service:ledger"),
            ("assigned", "chief"),
            ("settled", "sergeant"),
        ]
        recorded = await records_of(here, chief, "review.settle", 3)
        assert sorted((one["username"], one["outcome"]) for one in recorded) == [
            ("chief", "allowed"),
            ("chief", "refused"),
            ("sergeant", "allowed"),
        ]
        watched = await records_of(here, chief, "audit.watch")
        told = ("username", "organisation", "object_type", "object_id")
        assert [tuple(one[name] for name in told) for one in watched] == [("service:ledger", "", "review", item["id"])]


@pytest.mark.clause("A1")
async def test_a_queue_is_its_agencys_and_its_reviewers(here: Town) -> None:
    await here.open_agency(GALT, "galt")
    await send(here, await Records(here).search(use=WELFARE))
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        (item,) = await queued(here, sergeant)
    async with here.client(here.person("galt", "administrator", agency_id=GALT)) as galt:
        assert (await galt.get("/v1/reviews")).json()["reviews"] == []
        assert (await galt.get(f"/v1/reviews/{item['id']}")).json()["code"] == "review_unknown"
    async with here.client(here.person("officer")) as officer:
        refused = await officer.get("/v1/reviews")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


@on_both
@pytest.mark.clause("A4")
@pytest.mark.clause("J4")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_a_prohibited_use_that_was_refused_alerts_the_administrator(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    async with here.client(here.person("officer")) as officer:
        refused = await search(officer, reason="help with a deportation")
        assert (refused.status_code, refused.json()["code"]) == (403, "immigration_refused")
    await send(here, await Records(here, "elsewhere").refusal("purpose_prohibited", "A4", "deputy"))
    async with here.client(here.person("chief", "administrator")) as chief:
        alerts = {alert["code"]: alert for alert in await told(here, chief, 2)}
        assert set(alerts) == {"immigration_refused", "purpose_prohibited"}
        alert = alerts["immigration_refused"]
        assert (alert["username"], alert["clause"], alert["acknowledged_at"]) == ("officer", "J4", None)
        assert alert["sentence"] == "Officer was refused reads.search for immigration enforcement."
        path = f"/v1/alerts/{alert['id']}/acknowledge"
        assert (await chief.post(path, json={"note": "spoken with the officer"})).status_code == 200
        assert (await chief.post(path, json={"note": "again"})).json()["code"] == "alert_acknowledged"
        assert [one["code"] for one in await told(here, chief, unseen=True)] == ["purpose_prohibited"]
        assert len(await records_of(here, chief, "alert.acknowledge", 2)) == 2
        assert len(await records_of(here, chief, "audit.watch", 2)) == 2


@pytest.mark.clause("A4")
async def test_whoever_an_alert_is_about_cannot_acknowledge_it(here: Town) -> None:
    await send(here, await Records(here).refusal("purpose_prohibited", "A4", "chief"))
    async with here.client(here.person("chief", "administrator")) as chief:
        (alert,) = await told(here, chief)
        refused = await chief.post(f"/v1/alerts/{alert['id']}/acknowledge", json={"note": "nothing"})
        assert (refused.status_code, refused.json()["code"]) == (403, "own_review")


@pytest.mark.clause("A4")
async def test_other_refusals_alert_nobody(here: Town) -> None:
    records = Records(here)
    await send(here, await records.refusal("training_missing", "C2"), await records.refusal("purpose_prohibited", "A4"))
    async with here.client(here.person("chief", "administrator")) as chief:
        assert [alert["code"] for alert in await told(here, chief)] == ["purpose_prohibited"]


@on_both
@pytest.mark.clause("A8")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_a_number_that_is_owed_for_a_day_goes_to_the_queue(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    records = Records(here)
    owed = {
        session: Use(purpose="warrant", matter_type="criminal", number_pending=True, matter_session=session)
        for session in ("late", "given", "given-early")
    }
    await send(
        here,
        records.act("matter.number", "matter_session", "given-early"),
        *[await records.search(use=use) for use in owed.values()],
        await records.search(use=owed["late"]),
        records.act("matter.number", "matter_session", "given"),
    )
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        await here.let_pass(hours=23, minutes=50)
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        assert (await sergeant.get("/v1/reviews")).json()["reviews"] == []
        await here.let_pass(minutes=9)
        await here.let_pass(minutes=3)
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        (item,) = await queued(here, sergeant)
    assert (item["kind"], item["matter_session"]) == ("number_pending", "late")
    assert item["sentence"] == ("Officer opened plate data for a matter whose number was still pending 24 hours later.")


@pytest.mark.clause("A8")
async def test_a_number_that_came_is_never_owed_again(here: Town) -> None:
    records = Records(here)
    owed = Use(purpose="warrant", matter_type="criminal", number_pending=True, matter_session="given")
    supplied = records.act("matter.number", "matter_session", "given")
    await sent(here, await records.search(use=owed), supplied)
    await here.let_pass(days=8)
    for also, count in (("late", 1), ("later", 2)):
        beside = replace(owed, matter_session=also)
        await sent(here, *[await records.search(plate=None, use=use) for use in (beside, owed)])
        await here.let_pass(hours=24, minutes=3)
        async with here.client(here.person("sergeant", "supervisor")) as sergeant:
            items = await queued(here, sergeant, count)
    assert {item["matter_session"] for item in items} == {"late", "later"}


@pytest.mark.clause("A4")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_a_colleagues_plate_is_found_without_a_plate_lying_about(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    async with here.client(here.person("chief", "administrator")) as chief:
        for plate, username in ((PLATE, "officer"), ("6ABC123", "deputy")):
            entered = await chief.post("/v1/staff-plates", json={"plate": plate, "username": username})
            assert entered.status_code == 201, entered.text
        again = await chief.post("/v1/staff-plates", json={"plate": PLATE.lower(), "username": "x"})
        assert (again.status_code, again.json()["code"]) == (409, "vehicle_exists")
        assert {one["username"] for one in (await chief.get("/v1/staff-plates")).json()} == {"officer", "deputy"}
    async with here.client(here.person("officer")) as officer:
        for plate in (PLATE, "6abc 123", "NOBODY"):
            assert (await search(officer, plate=plate, purpose="warrant")).status_code == 201
    await watched(here)
    async with here.client(here.person("chief", "administrator")) as chief:
        sentences = sorted(item["sentence"] for item in await queued(here, chief, 2, kind="finding"))
    begins = "Officer asked 1 time for the plate of a vehicle which the register of staff's vehicles says is"
    assert sentences == [
        f"{begins} that of the colleague deputy, last on 22 November 2026.",
        f"{begins} the person's own, last on 22 November 2026.",
    ]
    lying = contents(here.standing.foundation.settings.var)
    assert [path for path, data in lying.items() if b"6ABC123" in data] == []


@pytest.mark.clause("A4")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_a_wildcard_hides_no_colleagues_plate(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    async with here.client(here.person("chief", "administrator")) as chief:
        entered = await chief.post("/v1/staff-plates", json={"plate": "6ABC123", "username": "deputy"})
        assert entered.status_code == 201, entered.text
    for number, asked in enumerate(("6ABC12?", "6abc1*", "?ABC?23", "6ABC*", "6ABD12?")):
        async with here.client(here.person(f"officer{number}")) as officer:
            found = await search(officer, plate=None, pattern=asked, purpose="warrant")
            assert found.status_code == 201, found.text
    await watched(here)
    async with here.client(here.person("chief", "administrator")) as chief:
        items = await queued(here, chief, 3, kind="finding")
    assert {item["username"] for item in items} == {"officer0", "officer1", "officer2"}
    assert all("with wildcards in it of a vehicle" in item["sentence"] for item in items)


@pytest.mark.clause("A4")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_the_shift_that_patrol_fills_in_is_one_that_detectors_know(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    patrol = {"purpose": "routine_patrol", "matter_type": "patrol", "matter_number": None}

    async def found(**stated: str) -> bool:
        """Once the ledger has signed again."""
        async with here.client(here.person("officer")) as officer:
            return (await search(officer, **patrol, **stated)).status_code == 201

    for _ in range(4):
        await eventually(found)
        await watched(here)
        await here.let_pass(hours=6)
    await eventually(lambda: found(shift="night"))
    await watched(here)
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        off = [one for one in await queued(here, sergeant, kind="finding") if one["detector"] == "off_shift"]
    (item,) = off
    assert item["sentence"].endswith("the shift that was named, night, is from 22:00 to 06:00.")


@on_both
@pytest.mark.clause("A4")
async def test_one_plate_again_and_again_is_found_across_the_months(here: Town) -> None:
    records = Records(here)
    here.clock.advance(days=6)
    early = [await records.search(use=UNNUMBERED) for _ in range(3)]
    here.clock.advance(days=5)
    late = [await records.search(use=UNNUMBERED), await records.search(plate="6ABC123"), await records.search("deputy")]
    await sent(here, *early, *late)
    await sent(here, await records.search(use=UNNUMBERED))
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        (item,) = await queued(here, sergeant, kind="finding")
        assert item["detector"] == "repeat_plate"
        assert item["sentence"] == (
            "Officer searched the same plate 5 times within 30 days, first on 28 November 2026 and last on"
            " 3 December 2026, under 1 matter."
        )
        await sergeant.post(f"/v1/reviews/{item['id']}/settle", json=SETTLED)
        await sent(here, await records.search(use=UNNUMBERED))
        await sent(here, *[await records.search("deputy", plate="7DEF456", use=UNNUMBERED) for _ in range(5)])
    async with here.client(here.person("sergeant", "supervisor")) as sergeant:
        found = await queued(here, sergeant, 2, kind="finding")
    assert [one["username"] for one in found] == ["deputy", "officer"], "what was settled is not found again"
