"""A6: whoever canvasses a crime scene names the incident and stays within bounds, or a supervisor says so first."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from profiles import DEPARTMENTS
from standing import Town, eventually, town

from platekeeper_common.access import unseal
from platekeeper_common.caller import Caller
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import Position
from platekeeper_common.events.recognition import Model, PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, ReadId
from platekeeper_retention.service import SERVICE

HARBOR = AgencyId("harbor")
AROUND = {"circle": {"centre": {"latitude": 34.05, "longitude": -117.75}, "radius": 300}}
WIDE = {"circle": {"centre": {"latitude": 34.05, "longitude": -117.75}, "radius": 5_000}}
WINDOW = {"from": "2026-11-22T12:00:00Z", "to": "2026-11-22T13:00:00Z"}
LONG = {"from": "2026-11-20T12:00:00Z", "to": "2026-11-22T13:00:00Z"}
SHOOTING = {"incident_number": "26-004711", "incident_type": "shooting", "area": AROUND, **WINDOW}
pytestmark = pytest.mark.clause("A6")


@pytest.fixture(params=DEPARTMENTS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """The records office of an agency on each department's profile."""
    async with town(tmp_path / "var", (SERVICE,)) as standing:
        await standing.open_agency(HARBOR, request.param)
        await _store(standing)
        yield standing


async def _store(here: Town) -> None:
    clock = here.clock()
    reads = tuple(
        PlateRead(
            id=ReadId(f"read-{number}"),
            agency_id=HARBOR,
            camera_id=CameraId("north-gate"),
            device_id=DeviceId("gateway-1"),
            plate=f"8ABC{number:03}",
            confidence=0.9,
            captured_at=clock.replace(hour=12, minute=number),
            received_at=clock.replace(hour=12, minute=number),
            live_until=clock,
            source="edge",
            model=Model("edge", "1", ""),
            position=Position(34.05 + 0.05 * (number == 2), -117.75),
        )
        for number in range(3)
    )
    event = PlatesRead(agency_id=HARBOR, camera_id=reads[0].camera_id, reads=reads)
    bus = here.standing.foundation.bus
    await bus.publish([event], source="recognition")

    async def stored() -> bool:
        return await bus.backlog("retention", PlatesRead.topic) == 0

    await eventually(stored)


def person(here: Town, name: str, role: str) -> Caller:
    return here.person(name, role, agency_id=HARBOR)


async def opened(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.post("/v1/canvasses", json=SHOOTING | asked)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_an_investigator_searches_the_area_of_an_incident_without_a_plate(here: Town) -> None:
    async with here.client(person(here, "iris", "investigator")) as iris:
        canvass = await opened(iris)
        assert (canvass["state"], canvass["major"], canvass["over"]) == ("open", True, [])
        answer = await iris.post(f"/v1/canvasses/{canvass['id']}/searches", json={})
        assert answer.status_code == 201, answer.text
        assert [read["plate"] for read in answer.json()["reads"]] == ["8ABC001", "8ABC000"]
        narrowed = await iris.post(f"/v1/canvasses/{canvass['id']}/searches", json={"pattern": "8ABC?00"})
        assert [read["plate"] for read in narrowed.json()["reads"]] == ["8ABC000"]


async def test_the_record_says_incident_area_and_window(here: Town) -> None:
    async with here.client(person(here, "iris", "investigator")) as iris:
        canvass = await opened(iris)
        await iris.post(f"/v1/canvasses/{canvass['id']}/searches", json={})
    for action in ("canvass.open", "canvass.search"):
        record = await recorded(here, action)
        assert (record.purpose, record.matter_type, record.matter_number, record.context) == (
            "crime_scene_canvass",
            "criminal",
            "26-004711",
            "canvass",
        )
        assert record.query is not None
        elements = json.loads(await unseal(here.standing.foundation.keys, record.id, record.query))
        assert elements["area"] == AROUND
        assert elements["canvass"] == canvass["id"]
        assert (elements["from"], elements["to"]) == ("2026-11-22T12:00:00+00:00", "2026-11-22T13:00:00+00:00")


async def recorded(here: Town, action: str) -> AccessRecorded:
    """The first record of the action."""
    found: list[AccessRecorded] = []

    async def keep(event: Event) -> None:
        if isinstance(event, AccessRecorded) and event.action == action:
            found.append(event)

    listening = asyncio.create_task(here.standing.foundation.bus.follow(AccessRecorded.topic, keep, lambda: None))
    try:
        await eventually(lambda: found)
    finally:
        listening.cancel()
    return found[0]


@pytest.mark.parametrize(
    ("lacks", "code"),
    [
        ({"incident_number": ""}, "incident_required"),
        ({"incident_number": "0000"}, "incident_required"),
        ({"incident_type": "curiosity"}, "incident_type_unknown"),
        ({"from": WINDOW["to"], "to": WINDOW["from"]}, "window_invalid"),
    ],
)
async def test_without_an_incident_none_is_opened(lacks: dict[str, str], code: str, here: Town) -> None:
    async with here.client(person(here, "iris", "investigator")) as iris:
        answer = await iris.post("/v1/canvasses", json=SHOOTING | lacks)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_area_is_searched_without_a_plate_in_a_canvass_alone(here: Town) -> None:
    use = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}
    async with here.client(person(here, "iris", "investigator")) as iris:
        answer = await iris.post("/v1/searches", json=use | {"area": AROUND, **WINDOW})
        assert (answer.status_code, answer.json()["code"]) == (422, "canvass_required")
        assert answer.json()["clause"] == "A6"
        named = await iris.post("/v1/searches", json=use | {"area": AROUND, "pattern": "8A?C*"})
        assert named.status_code == 201


@pytest.mark.clause("A7")
async def test_a_pattern_that_says_next_to_nothing_is_no_way_round_the_canvass(here: Town) -> None:
    use = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}
    async with here.client(person(here, "olga", "officer")) as olga:
        for asked, code, clause in (
            ({"pattern": "*8*", "area": WIDE, **WINDOW}, "search_unbounded", "A7"),
            ({"pattern": "*8*", "area": AROUND}, "search_unbounded", "A7"),
            ({"pattern": "8?B*", "area": AROUND, **LONG}, "search_unbounded", "A7"),
            ({"pattern": "*8*", **WINDOW}, "search_unbounded", "A7"),
            ({"prefix": "8", **WINDOW}, "search_unbounded", "A7"),
            ({"pattern": "8A?C*", "area": WIDE}, "canvass_required", "A6"),
            ({"pattern": "8A?C*", "area": WIDE, **LONG}, "canvass_required", "A6"),
        ):
            answer = await olga.post("/v1/searches", json=use | asked)
            assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (422, code, clause), asked
        for narrow in (
            {"pattern": "*8*", "area": AROUND, **WINDOW},
            {"pattern": "8A?C*", "area": AROUND},
            {"pattern": "8A?C*", **WINDOW},
            {"pattern": "8A?C*", "area": WIDE, **WINDOW},
            {"pattern": "8AB*", "area": WIDE},
            {"plate": "8ABC001", "area": WIDE},
        ):
            assert (await olga.post("/v1/searches", json=use | narrow)).status_code == 201, narrow


@pytest.mark.parametrize(
    ("asked", "over"), [({"area": WIDE}, ["area"]), (LONG, ["window"]), ({"area": WIDE, **LONG}, ["area", "window"])]
)
async def test_over_the_bounds_another_person_who_supervises_approves_first(
    asked: dict[str, Any], over: list[str], here: Town
) -> None:
    both = here.person("iris", "investigator", "supervisor", agency_id=HARBOR)
    async with here.client(both) as iris, here.client(person(here, "sam", "supervisor")) as sam:
        canvass = await opened(iris, **asked)
        assert (canvass["state"], canvass["over"]) == ("waiting", over)
        search = f"/v1/canvasses/{canvass['id']}/searches"
        refused = await iris.post(search, json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "canvass_not_approved")
        own = await iris.post(f"/v1/canvasses/{canvass['id']}/approve")
        assert (own.status_code, own.json()["code"]) == (403, "own_canvass")
        approved = await sam.post(f"/v1/canvasses/{canvass['id']}/approve")
        assert (approved.json()["state"], approved.json()["approved_by_name"]) == ("open", "Sam")
        assert (await iris.post(search, json={})).status_code == 201
        assert (await sam.post(f"/v1/canvasses/{canvass['id']}/approve")).json()["code"] == "canvass_not_waiting"


async def test_major_incidents_come_first(here: Town) -> None:
    async with here.client(person(here, "iris", "investigator")) as iris:
        for number, kind in enumerate(("burglary", "homicide", "robbery", "shooting")):
            await opened(iris, incident_type=kind, incident_number=f"26-00471{number}")
            here.clock.advance(seconds=1)
        found = (await iris.get("/v1/canvasses")).json()["canvasses"]
        assert [one["incident_type"] for one in found] == ["shooting", "homicide", "robbery", "burglary"]


async def test_a_canvass_closes_by_hand_or_by_time(here: Town) -> None:
    async with here.client(person(here, "iris", "investigator")) as iris:
        canvass = await opened(iris)
        assert (await iris.delete(f"/v1/canvasses/{canvass['id']}")).status_code == 204
        closed = await iris.post(f"/v1/canvasses/{canvass['id']}/searches", json={})
        assert (closed.status_code, closed.json()["code"]) == (409, "canvass_closed")
        other = await opened(iris)
    await here.let_pass(days=30)
    async with here.client(person(here, "iris", "investigator")) as iris:
        closed = await iris.post(f"/v1/canvasses/{other['id']}/searches", json={})
        assert closed.json()["code"] == "canvass_closed"
        assert (await iris.get("/v1/canvasses")).json()["canvasses"] == []


async def test_only_investigators_of_the_own_agency_canvass(here: Town) -> None:
    async with here.client(person(here, "iris", "investigator")) as iris:
        canvass = await opened(iris)
    stranger = here.person("eve", "investigator")
    async with here.client(person(here, "olga", "officer")) as olga, here.client(stranger) as eve:
        assert (await olga.post("/v1/canvasses", json=SHOOTING)).json()["code"] == "not_allowed"
        answer = await eve.post(f"/v1/canvasses/{canvass['id']}/searches", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "canvass_unknown")
        assert (await eve.get("/v1/canvasses")).json()["canvasses"] == []
