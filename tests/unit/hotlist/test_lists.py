from datetime import timedelta
from typing import Any

import pytest
from databases import on_both
from standing import Town
from unit.hotlist.scene import OTHER, USE, list_plate, open_list, query, records, seen

from platekeeper_common.caller import Caller

pytestmark = on_both


def editor(here: Town, **more: Any) -> Caller:
    return here.person("ines", "investigator", **more)


async def refused(here: Town, who: Caller, method: str, path: str, **more: Any) -> tuple[int, str, str | None]:
    """Status, code and clause."""
    async with here.client(who) as client:
        answer = await client.request(method, path, **more)
    problem = answer.json()
    assert "detail" in problem, problem
    return answer.status_code, problem["code"], problem.get("clause")


async def test_a_list_is_opened_and_told_with_its_age(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who, source="state", source_title="SVS extract")
    here.clock.advance(minutes=1)
    await list_plate(here, who, list_id, "7SAM123")
    async with here.client(who) as client:
        [told] = (await client.get("/v1/hotlists")).json()["hotlists"]
    assert (told["id"], told["source"], told["source_title"]) == (list_id, "state", "SVS extract")
    assert (told["created_at"], told["updated_at"]) == ("2026-11-22T18:00:00Z", "2026-11-22T18:01:00Z")


async def test_a_name_is_taken_once_in_an_agency(here: Town) -> None:
    await here.open_agency(OTHER, "galt")
    await open_list(here, editor(here))
    body = {"name": "Stolen", "source": "dept", **USE}
    assert await refused(here, editor(here), "POST", "/v1/hotlists", json=body) == (409, "hotlist_exists", None)
    await open_list(here, editor(here, agency_id=OTHER))


async def test_an_entry_is_kept_normalised_and_is_in_force_with_its_201(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    expires_at = (here.clock() + timedelta(days=1)).isoformat()
    entry_id = await list_plate(here, who, list_id, " 7sam-123 ", state="ca", incident="26-1", expires_at=expires_at)
    assert len(here.standing.rooms["hotlist"].in_force.index()) == 1  # type: ignore[attr-defined]
    async with here.client(who) as client:
        page = (await client.get(f"/v1/hotlists/{list_id}/entries", params=USE)).json()
    [entry] = page["entries"]
    assert (entry["id"], entry["plate"], entry["state"]) == (entry_id, "7SAM123", "CA")
    assert (entry["incident"], entry["purpose"], entry["added_by"]) == ("26-1", "stolen_vehicle", "ines")
    assert page["next_cursor"] is None


async def test_entries_are_paged_newest_first(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    plates = [f"7SAM12{number}" for number in range(5)]
    ids = [await list_plate(here, who, list_id, plate) for plate in plates]
    told: list[str] = []
    async with here.client(who) as client:
        cursor: dict[str, str] = {}
        while cursor is not None:
            page = await client.get(f"/v1/hotlists/{list_id}/entries", params={**USE, **cursor, "limit": 2})
            told += [entry["id"] for entry in page.json()["entries"]]
            if page.json()["next_cursor"] is None:
                break
            cursor = {"cursor": page.json()["next_cursor"]}
    assert sorted(told, reverse=True) == told
    assert set(told) == set(ids)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"plate": "7S?*", "incident": "26-1"}, "pattern_too_open"),
        ({"plate": "7*A*S*", "incident": "26-1"}, "pattern_invalid"),
        ({"plate": "7SAM?234567", "incident": "26-1"}, "pattern_invalid"),
        ({"plate": "7SAM?"}, "incident_required"),
        ({"plate": "7SAM?", "incident": "26-1", "expires_at": "2099-01-01T00:00:00Z"}, "expiry_too_late"),
        ({"plate": "- -"}, "plate_invalid"),
        ({"plate": "7SÄM123"}, "plate_invalid"),
        ({"plate": "7SAM/123"}, "plate_invalid"),
        ({"plate": "12345678901"}, "plate_invalid"),
        ({"state": "0H"}, "state_unknown"),
        ({"state": ""}, "state_unknown"),
        ({"category": "parking"}, "category_unknown"),
        ({"expires_at": "2026-11-22T18:00:00Z"}, "expiry_past"),
        ({"expires_at": "2026-12-22T18:00:00"}, "invalid_request"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "invalid_request"),
        ({"reason": " "}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
        ({"matter_type": ""}, "matter_required"),
        ({"matter_type": "criminal"}, "matter_number_required"),
    ],
)
async def test_a_wrong_entry_is_refused_by_name(here: Town, wrong: dict[str, str], code: str) -> None:
    list_id = await open_list(here, editor(here))
    body = {"plate": "7SAM123", "category": "felony", "reason": "Burglary", **USE, **wrong}
    status, told, _ = await refused(here, editor(here), "POST", f"/v1/hotlists/{list_id}/entries", json=body)
    assert (status, told) == (422, code)


@pytest.mark.clause("A1")
@pytest.mark.parametrize("purpose", ["", "traffic_survey"])
async def test_no_list_no_entry_and_no_view_without_a_purpose(here: Town, purpose: str) -> None:
    who, use = editor(here), {**USE, "purpose": purpose}
    list_id = await open_list(here, who)
    entry = {"plate": "7SAM123", "category": "felony", "reason": "Burglary", **use}
    at = f"/v1/hotlists/{list_id}/entries"
    wanted = (422, "purpose_required", "A1")
    assert await refused(here, who, "POST", "/v1/hotlists", json={"name": "Felons", "source": "dept", **use}) == wanted
    assert await refused(here, who, "POST", at, json=entry) == wanted
    assert await refused(here, who, "GET", at, params=use) == wanted
    assert await refused(here, who, "DELETE", f"{at}/some", params=use) == wanted
    assert await refused(here, who, "GET", "/v1/hits", params=use) == wanted
    assert await refused(here, who, "GET", "/v1/hits/some", params=use) == wanted
    assert await refused(here, who, "GET", "/v1/hits/stream", params=use) == wanted


@pytest.mark.clause("J4")
@pytest.mark.parametrize(
    "wrong",
    [
        {"category": "immigration_violator"},
        {"category": "administrative-warrant"},
        {"reason": "Subject of an ICE detainer"},
        {"reason": "ADMINISTRATIVE  WARRANT of removal"},
        {"reason": "To be deported"},
        {"incident": "immigration hold 26-7"},
    ],
)
async def test_nothing_is_listed_for_immigration_enforcement(here: Town, wrong: dict[str, str]) -> None:
    list_id = await open_list(here, editor(here))
    body = {"plate": "7SAM123", "category": "wanted_person", "reason": "Warrant of arrest", **USE, **wrong}
    told = await refused(here, editor(here), "POST", f"/v1/hotlists/{list_id}/entries", json=body)
    assert told == (403, "immigration_refused", "J4")
    [record] = [r for r in await records(here, lambda all_: any(r.clause == "J4" for r in all_)) if r.clause == "J4"]
    assert (record.outcome, record.code) == ("refused", "immigration_refused")


@pytest.mark.clause("J4")
async def test_no_list_is_opened_for_immigration_enforcement(here: Town) -> None:
    body = {"name": "Immigration violators", "source": "federal", **USE}
    assert await refused(here, editor(here), "POST", "/v1/hotlists", json=body) == (403, "immigration_refused", "J4")


@pytest.mark.parametrize("reason", ["Ice cream van stolen", "Seen on I-205", "Warrant of arrest, burglary"])
async def test_plain_reasons_are_taken(here: Town, reason: str) -> None:
    list_id = await open_list(here, editor(here))
    assert await list_plate(here, editor(here), list_id, "7SAM123", reason=reason)


async def test_the_same_plate_is_listed_once_a_state_while_in_force(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    until = (here.clock() + timedelta(minutes=1)).isoformat()
    first = await list_plate(here, who, list_id, "7SAM123", state="CA", expires_at=until)
    await list_plate(here, who, list_id, "7SAM123", state="NV")
    await list_plate(here, who, list_id, "7SAM123")
    body = {"plate": "7SAM-123", "state": "CA", "category": "felony", "reason": "Burglary", **USE}
    async with here.client(who) as client:
        again = await client.post(f"/v1/hotlists/{list_id}/entries", json=body)
        assert (again.status_code, again.json()["code"], again.json()["entry_id"]) == (409, "entry_exists", first)
        here.clock.advance(minutes=1)
        assert (await client.post(f"/v1/hotlists/{list_id}/entries", json=body)).status_code == 201


async def test_another_agencys_list_is_not_there(here: Town) -> None:
    await here.open_agency(OTHER, "galt")
    stranger = editor(here, agency_id=OTHER)
    list_id = await open_list(here, editor(here))
    entry_id = await list_plate(here, editor(here), list_id, "7SAM123")
    body = {"plate": "8ABC456", "category": "felony", "reason": "Burglary", **USE}
    at = f"/v1/hotlists/{list_id}/entries"
    wanted = (404, "hotlist_unknown", None)
    assert await refused(here, stranger, "POST", at, json=body) == wanted
    assert await refused(here, stranger, "GET", at, params=USE) == wanted
    assert await refused(here, stranger, "DELETE", f"{at}/{entry_id}", params=USE) == wanted
    async with here.client(stranger) as client:
        assert (await client.get("/v1/hotlists")).json() == {"hotlists": []}


async def test_a_removed_entry_is_off_the_list(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    entry_id = await list_plate(here, who, list_id, "7SAM123")
    at = f"/v1/hotlists/{list_id}/entries/{entry_id}"
    async with here.client(who) as client:
        assert (await client.delete(at, params=USE)).status_code == 204
        assert (await client.get(f"/v1/hotlists/{list_id}/entries", params=USE)).json()["entries"] == []
    assert await refused(here, who, "DELETE", at, params=USE) == (404, "entry_unknown", None)
    assert len(here.standing.rooms["hotlist"].in_force.index()) == 0  # type: ignore[attr-defined]


@pytest.mark.clause("C2")
async def test_nobody_untrained_edits_or_sees_a_list(here: Town) -> None:
    who = editor(here, trained=False)
    body = {"name": "Stolen", "source": "dept", **USE}
    assert await refused(here, who, "POST", "/v1/hotlists", json=body) == (403, "training_missing", "C2")
    assert await refused(here, who, "GET", "/v1/hotlists") == (403, "training_missing", "C2")


@pytest.mark.clause("G3")
async def test_every_act_on_a_list_leaves_its_record(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    entry_id = await list_plate(here, who, list_id, "7SAM123", state="CA", matter_type="criminal", matter_number="26-1")
    async with here.client(who) as client:
        await client.get("/v1/hotlists")
        await client.get(f"/v1/hotlists/{list_id}/entries", params=USE)
        await client.delete(f"/v1/hotlists/{list_id}/entries/{entry_id}", params=USE)
    opened, listed, named, viewed, removed = await records(here, lambda all_: len(all_) >= 5)
    assert [record.number for record in (opened, listed, named, viewed, removed)] == [1, 2, 3, 4, 5]
    assert (opened.action, opened.purpose, opened.result_ids) == ("hotlist.edit", "stolen_vehicle", (list_id,))
    assert (listed.kind, listed.matter_number, listed.result_ids) == ("plate_data", "26-1", (entry_id,))
    said = {"hotlist": list_id, "plate": "7SAM123", "state": "CA", "reason": "Taken last night"}
    assert (await query(here, listed)) == said
    assert (named.kind, named.object_type) == ("administration", "hotlists")
    assert (viewed.action, viewed.result_count, viewed.result_ids) == ("hotlist.view", 1, (entry_id,))
    assert (removed.action, removed.result_ids) == ("hotlist.edit", (entry_id,))


@pytest.mark.clause("H2")
async def test_health_counts_without_a_plate(here: Town) -> None:
    who = editor(here)
    await list_plate(here, who, await open_list(here, who), "7SAM123")
    async with here.client() as client:
        answer = await client.get("/health/hotlist")
    counts = answer.json()["counts"]
    assert counts == {
        "lists": 1,
        "entries": 1,
        "exact_hits": 0,
        "look_alike_hits": 0,
        "partial_hits": 0,
        "late_hits": 0,
        "sightings": 0,
        "partials_due": 0,
    }
    assert seen(here, "7SAM123").plate not in answer.text
