"""A matter is chosen once, lasts an hour and carries a number, or a patrol's unit and shift (A1, A3, A4, A5, A8)."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from policy.purpose.offices import (
    ASKS_OTHERS,
    CRIMINAL,
    HITS,
    IMAGE,
    LIST,
    PATROL,
    PLATE,
    REQUEST,
    SEARCH,
    Door,
    Offices,
    doors,
    told,
)
from profiles import DEPARTMENTS

from platekeeper_common import ids
from platekeeper_common.caller import Terminal

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.parametrize("department", DEPARTMENTS)]


@pytest.mark.clause("A1")
@pytest.mark.clause("A4")
async def test_who_chose_no_matter_is_told_where_to_choose_one(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    for door in doors(department):
        answer = await here.knock(detective, door)
        assert told(answer) == (422, "purpose_required", "A1"), door
        assert "PUT /v1/session/matter" in answer.json()["detail"]
        assert told(await here.knock(detective, door, **CRIMINAL | {"purpose": "theft"}))[1:] == (
            "purpose_required",
            "A1",
        )
    assert told(await here.choose(detective, matter_type="criminal")) == (422, "purpose_required", "A1")


@pytest.mark.clause("A1")
@pytest.mark.clause("A4")
@pytest.mark.clause("A5")
async def test_within_a_matter_a_search_carries_only_the_plate(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    token, matter = await here.chosen(detective, **CRIMINAL)
    assert (await here.knock(token, SEARCH)).status_code == 201
    record = await here.record(matter_session=matter["id"], action="reads.search")
    assert (record.purpose, record.matter_type, record.matter_number) == tuple(CRIMINAL.values())
    assert record.context == "investigation"
    assert record.policy_version.startswith(f"{department}-")
    name = f"Stolen {ids.new()}"
    opened = await here.knock(token, LIST, name=name)
    assert opened.status_code == 201, opened.text
    entry = {"plate": PLATE, "category": "stolen_vehicle", "reason": "Taken from Holt Avenue"}
    listed = await here.knock(token, ("POST", f"/v1/hotlists/{opened.json()['id']}/entries", entry))
    assert (listed.status_code, listed.json()["purpose"]) == (201, "stolen_vehicle")
    assert (await here.knock(token, HITS)).status_code == 200
    assert told(await here.knock(token, IMAGE)) == (404, "read_unknown", None)
    refused = await here.record(matter_session=matter["id"], code="read_unknown")
    assert refused.purpose == "stolen_vehicle"
    if department in ASKS_OTHERS:
        assert (await here.knock(token, REQUEST)).json()["code"] == "request_incomplete"


@pytest.mark.clause("A4")
async def test_a_matter_lasts_an_hour_and_changes_or_ends_at_any_time(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    door: Door = ("GET", "/v1/session/matter", {})
    assert (await here.knock(detective, door)).json() == {"matter": None}
    token, matter = await here.chosen(detective, **CRIMINAL)
    shown = (await here.knock(token, door)).json()["matter"]
    assert shown == matter
    assert shown["until"] == (here.town.clock() + timedelta(minutes=60)).isoformat().replace("+00:00", "Z")
    verify = here.town.standing.foundation.verifier.verify
    assert (await verify(token)).expires_at == detective.expires_at
    changed, other = await here.chosen(token, **CRIMINAL | {"purpose": "missing_person"})
    assert other["id"] != matter["id"]
    caller = await verify(changed)
    ended = (await here.knock(changed, ("DELETE", "/v1/session/matter", {}))).json()
    assert ended["matter"] is None
    assert told(await here.knock(ended["access_token"], SEARCH)) == (422, "purpose_required", "A1")
    assert told(await here.knock(ended["access_token"], ("DELETE", "/v1/session/matter", {})))[1] == "matter_unknown"
    await here.town.let_pass(minutes=61)
    late = here.person(department, "investigator", matter=caller.matter)
    answer = await here.knock(late, SEARCH)
    assert told(answer) == (422, "matter_expired", "A4")
    assert "PUT /v1/session/matter" in answer.json()["detail"]
    assert (await here.knock(late, SEARCH, **CRIMINAL)).status_code == 201


@pytest.mark.clause("A8")
async def test_a_numbered_matter_names_a_number_that_can_be_looked_up(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    for number in ("0000", "n/a", "test", "123", "none", "TBD", "TBD-1", "test-1", "99999", "00-0000", "26", "asdf1"):
        for answer in (
            await here.choose(detective, **CRIMINAL | {"matter_number": number}),
            await here.knock(detective, SEARCH, **CRIMINAL | {"matter_number": number}),
        ):
            assert told(answer) == (422, "matter_number_made_up", "A8"), number
            assert "number_pending" in answer.json()["detail"]
    for matter_type in ("criminal", "civil"):
        asked = {"purpose": "stolen_vehicle", "matter_type": matter_type}
        answer = await here.choose(detective, **asked)
        assert told(answer) == (422, "matter_number_required", "A8")
        assert "number_pending" in answer.json()["detail"]
    unnamed = {"purpose": "stolen_vehicle", "matter_type": "other"}
    assert told(await here.choose(detective, **unnamed)) == (422, "matter_number_required", "A4")
    pending = await here.knock(detective, SEARCH, **CRIMINAL | {"matter_number": None}, number_pending=True)
    assert told(pending) == (422, "number_pending_unchosen", "A8")


@pytest.mark.clause("A8")
async def test_a_pending_number_is_supplied_later_and_recorded(here: Offices, department: str) -> None:
    detective = here.person(department, "investigator")
    token, matter = await here.chosen(detective, purpose="stolen_vehicle", matter_type="criminal", number_pending=True)
    assert (await here.knock(token, SEARCH)).status_code == 201
    record = await here.record(matter_session=matter["id"], action="reads.search")
    assert (record.number_pending, record.matter_number) == (True, None)
    door = ("POST", f"/v1/matters/{matter['id']}/number", {"matter_number": "26-005812"})
    stranger = here.person("galt" if department == "pomona" else "pomona", "administrator")
    for other in (here.person(department, "investigator"), stranger):
        assert told(await here.knock(other, door)) == (404, "matter_unknown", None)
    assert told(await here.knock(detective, door, matter_number="n/a")) == (422, "matter_number_made_up", "A8")
    supplied = await here.knock(detective, door)
    assert (supplied.status_code, supplied.json()["number"], supplied.json()["number_pending"]) == (
        *(200, "26-005812", False),
    )
    late = await here.record(action="matter.number", object_id=matter["id"], outcome="allowed")
    assert (late.object_type, late.matter_number, late.outcome) == ("matter_session", "26-005812", "allowed")
    assert told(await here.knock(detective, door)) == (409, "number_known", "A8")


@pytest.mark.clause("A3")
async def test_a_dispatcher_says_for_whom_she_searches(here: Offices, department: str) -> None:
    dispatcher = here.person(department, "dispatcher")
    token, matter = await here.chosen(dispatcher, **CRIMINAL)
    answer = await here.knock(token, SEARCH)
    assert told(answer) == (422, "requested_by_required", "A3")
    for officer in ("Officer Diaz, 4A12", "Officer Park, 4A31"):
        assert (await here.knock(token, SEARCH, requested_by=officer)).status_code == 201
        record = await here.record(subject=dispatcher.subject, requested_by=officer, action="reads.search")
        assert record.matter_session == matter["id"]
    own = {"purpose": "missing_person", "matter_type": "other", "matter_number": "CAD-26-0071"}
    assert (await here.knock(dispatcher, SEARCH, **own)).status_code == 201
    assert (await here.knock(here.person(department, "officer", "dispatcher"), SEARCH, **CRIMINAL)).status_code == 201


@pytest.mark.clause("A4")
@pytest.mark.clause("A5")
async def test_a_patrol_has_unit_and_shift_and_no_number(here: Offices, department: str) -> None:
    hour = here.town.clock().astimezone(ZoneInfo("America/Los_Angeles")).hour
    duty = "day" if 6 <= hour < 14 else "swing" if 14 <= hour < 22 else "night"
    in_car = here.person(department, terminal=Terminal("unit-4A12", "car"))
    token, matter = await here.chosen(in_car, **PATROL)
    assert (matter["unit"], matter["shift"], matter["number"]) == ("unit-4A12", duty, None)
    assert (await here.knock(token, SEARCH)).status_code == 201
    record = await here.record(matter_session=matter["id"], action="reads.search")
    assert (record.unit, record.shift, record.context, record.matter_number) == ("unit-4A12", duty, "patrol", None)
    on_foot = here.person(department)
    _, matter = await here.chosen(on_foot, **PATROL)
    assert matter["unit"] == on_foot.username
    _, matter = await here.chosen(on_foot, **PATROL, unit="Foot 3", shift="overtime")
    assert (matter["unit"], matter["shift"]) == ("Foot 3", "overtime")
    _, matter = await here.chosen(on_foot, **PATROL)
    assert (matter["unit"], matter["shift"]) == ("Foot 3", "overtime")
    assert (await here.knock(on_foot, SEARCH, **PATROL)).status_code == 201
