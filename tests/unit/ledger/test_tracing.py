"""Who searched this plate, as one question."""

import json
from datetime import timedelta

import pytest
from databases import on_both
from profiles import DEPARTMENTS
from standing import AGENCY, Town
from unit.ledger.questions import ASKED, DOOR, ask, asked_for, indexed, told
from unit.ledger.samples import PLATE, searched, send

from platekeeper_common.actions import Action
from platekeeper_common.ids import AgencyId


@on_both
@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_one_question_tells_who_named_the_plate_and_whose_search_could_have_shown_it(here: Town) -> None:
    await send(
        here,
        await searched(here, 1, username="ana"),
        await searched(here, 2, username="ben", plate="5ABC123"),
        await asked_for(here, 3, {"pattern": "7KX*"}, "carl"),
        await asked_for(here, 4, {"pattern": "8KX*"}, "dora"),
        await asked_for(here, 5, {"area": {"circle": [34.05, -117.75, 200]}, "from": "2026-11-22T10:00:00"}, "eve"),
        await searched(here, 6, username="fay", agency_id=AgencyId("galt-pd")),
        await asked_for(here, 7, {"area": {}, "canvass": "c"}, "gil", Action.CANVASS_SEARCH),
    )
    await indexed(here)
    async with here.client(here.person("inspector", "auditor")) as client:
        found = await ask(client)
        assert [(one["username"], one["match"], one["query"]) for one in found["named"]] == [
            ("ana", "plate", {"plate": PLATE})
        ]
        assert {(one["username"], one["match"]) for one in found["possible"]} == {
            ("carl", "pattern"),
            ("eve", "area"),
            ("gil", "area"),
        }
        assert found["complete"]
        left = await told(client, 1)
        shown = (await client.get(f"/v1/access-records/{left[0]['id']}")).json()
        assert shown["query"]["plate"] == PLATE
        assert (shown["kind"], shown["purpose"], shown["result_count"]) == ("plate_data", "other_le", 4)
        assert PLATE not in shown["leaf"]["canonical"]
        await indexed(here)
        again = await ask(client)
        assert {(one["username"], one["action"]) for one in again["named"]} == {
            ("ana", "reads.search"),
            ("inspector", "access_records.trace"),
        }
        lately = {"from": "2026-11-22T18:00:01Z", "to": "2026-11-23T00:00:00Z"}
        assert (await ask(client, **lately))["named"] == []
        assert [one["username"] for one in (await ask(client, username="ana"))["named"]] == ["ana"]


CALENDAR: list[tuple[dict[str, str], int | str]] = [
    ({"from": "0001-01-01T00:00:00Z"}, 1),
    ({"from": "0300-01-01T00:00:00Z"}, 1),
    ({"from": "0300-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999999Z"}, 1),
    ({"to": "9999-12-31T23:59:59Z"}, 0),
    ({"to": "0001-01-10T00:00:00Z"}, 0),
    ({"to": "0001-01-01T00:00:00Z"}, "period_empty"),
    ({"from": "0001-01-01T00:00:00+01:00"}, "invalid_request"),
    ({"to": "9999-12-31T23:59:59-01:00"}, "invalid_request"),
]
"""A period, and how many records of ana's lie in it, or with what it is refused."""


@on_both
@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_a_period_may_reach_to_the_ends_of_the_calendar_and_not_beyond(here: Town) -> None:
    await send(here, await searched(here, 1, username="ana"), await searched(here, 2, username="ben"))
    await indexed(here)
    async with here.client(here.person("inspector", "auditor")) as client:
        for period, expected in CALENDAR:
            answer = await client.post(DOOR, json=ASKED | period | {"username": "ana"})
            if isinstance(expected, str):
                assert (answer.status_code, answer.json()["code"]) == (422, expected), period
                continue
            found = answer.json()
            assert [one["username"] for one in found["named"]] == ["ana"] * expected, period
            assert found["complete"]
            exported = await client.post("/v1/access-records/export", json=ASKED | period | {"username": "ana"})
            assert len(exported.text.splitlines()) == expected, period


@on_both
@pytest.mark.clause("G3")
@pytest.mark.clause("G4")
@pytest.mark.clause("B8")
async def test_nobody_hides_a_search_behind_a_thousand_others(here: Town) -> None:
    late, early = here.clock() - timedelta(hours=1), here.clock() - timedelta(hours=50)
    records = [await searched(here, 1, username="insider", at=early)]
    records += [await searched(here, number, username="mallory", at=late) for number in range(2, 1003)]
    for start in range(0, len(records), 400):
        await send(here, *records[start : start + 400])
    await indexed(here)
    shorter = {"from": (early - timedelta(hours=1)).isoformat(), "to": (early + timedelta(hours=1)).isoformat()}
    async with here.client(here.person("inspector", "auditor")) as client:
        for door in (DOOR, "/v1/access-records/export"):
            refused = await client.post(door, json=ASKED)
            told = refused.json()
            assert (refused.status_code, told["code"], told["clause"]) == (422, "too_many_records", "G3")
            assert "a shorter period" in told["detail"]
            assert "username" in told["detail"]
        for narrower in (shorter, {"username": "insider"}):
            assert [one["username"] for one in (await ask(client, **narrower))["named"]] == ["insider"]
            (line,) = (await client.post("/v1/access-records/export", json=ASKED | narrower)).text.splitlines()
            assert json.loads(line)["username"] == "insider"


@pytest.mark.clause("G3")
async def test_of_a_month_whose_keys_are_gone_nobody_can_tell(here: Town) -> None:
    await send(here, await searched(here, 1))
    await indexed(here)
    for folder in ("access", "plate-index"):
        await here.standing.foundation.keys.destroy(f"{AGENCY}/{folder}/2026-11")
    async with here.client(here.person("inspector", "auditor")) as client:
        assert await ask(client) == {"named": [], "possible": [], "complete": True}


@pytest.mark.clause("G3")
@pytest.mark.clause("A1")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_it_needs_role_training_purpose_and_matter_and_every_refusal_is_recorded(here: Town, name: str) -> None:
    await here.open_agency(AGENCY, name)
    auditor = here.person("inspector", "auditor")
    untrained = here.person("inspector", "auditor", trained=False)
    tries = [
        (here.person("officer"), ASKED, 403, "not_allowed"),
        (untrained, ASKED, 403, "training_missing"),
        (auditor, ASKED | {"purpose": "unheard_of"}, 422, "purpose_required"),
        (auditor, ASKED | {"matter_type": None}, 422, "matter_required"),
        (auditor, ASKED | {"plate": "???"}, 422, "plate_invalid"),
        (auditor, ASKED | {"from": "2026-11-22T18:00:00Z", "to": "2026-11-22T18:00:00Z"}, 422, "period_empty"),
    ]
    for who, asked, status, code in tries:
        async with here.client(who) as client:
            answer = await client.post(DOOR, json=asked)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert PLATE not in answer.text
    async with here.client(auditor) as client:
        left = await told(client, len(tries))
    assert sorted((one["username"], one["code"]) for one in left) == sorted((w.username, c) for w, _, _, c in tries)


@pytest.mark.clause("B8")
async def test_records_are_exported_by_plate_as_they_are_by_date_and_person(here: Town) -> None:
    await send(here, await searched(here, 1, username="ana"), await searched(here, 2, plate="5ABC123"))
    await indexed(here)
    async with here.client(here.person("inspector", "administrator")) as client:
        answer = await client.post("/v1/access-records/export", json=ASKED)
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        (line,) = answer.text.splitlines()
        by_person = await client.get("/v1/access-records/export", params={"username": "ana"})
        dates = {"from": "2026-11-22T17:00:00Z", "to": "2026-11-22T19:00:00Z", "action": "reads.search"}
        by_date = await client.get("/v1/access-records/export", params=dates)
        await told(client, 1)
    assert json.loads(line) == json.loads(by_person.text)
    assert json.loads(line)["query"] == {"plate": PLATE}
    assert len(by_date.text.splitlines()) == 2
