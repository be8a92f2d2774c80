"""The register of devices and cameras, through the public door."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from folders import contents
from standing import AGENCY, eventually
from unit.ingest.station import GATE, POMONA, ROOF, Station, published, station

from platekeeper_common.access import unseal
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.ids import AgencyId, DeviceId

pytestmark = on_both


async def words(here: Station) -> list[DeviceChanged]:
    return [event for event in await published(here.bus, DeviceChanged.topic) if isinstance(event, DeviceChanged)]


async def records(here: Station, count: int) -> list[AccessRecorded]:
    """The access records on the bus, once there are `count`."""

    async def there() -> list[AccessRecorded] | None:
        found = [e for e in await published(here.bus, AccessRecorded.topic) if isinstance(e, AccessRecorded)]
        return sorted(found, key=lambda record: record.number) if len(found) >= count else None

    answer: list[AccessRecorded] = await eventually(there)
    return answer


async def written(here: Station, record: AccessRecorded) -> Any:
    assert record.query is not None
    return json.loads(await unseal(here.town.standing.foundation.keys, record.id, record.query))


async def test_the_secret_is_shown_once_and_kept_nowhere(here: Station) -> None:
    secret = here.gateway["secret"]
    assert len(secret) == 43
    assert secret != here.car["secret"]
    async with here.administrator() as boss:
        listed = await boss.get("/v1/devices")
    assert "secret" not in listed.text
    said = await eventually(lambda: words(here))
    assert said[0].secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert not any(secret.encode() in data for data in contents(here.folder).values())


@pytest.mark.clause("B1")
async def test_every_change_is_recorded_with_before_and_after(here: Station) -> None:
    device_id = here.gateway["id"]
    async with here.administrator() as boss:
        await boss.post(f"/v1/devices/{device_id}/cameras", json=ROOF)
        await boss.post(f"/v1/devices/{device_id}/retire")
    registered, _, added, retired = await records(here, 4)
    assert [record.action for record in (registered, added, retired)] == [
        "device.register",
        "device.register",
        "device.retire",
    ]
    assert {(record.kind, record.object_type, record.object_id) for record in (registered, added, retired)} == {
        ("administration", "device", device_id)
    }
    assert (await written(here, registered))["before"] is None
    assert (await written(here, registered))["after"]["cameras"][0]["name"] == GATE["name"]
    assert (await written(here, added))["before"] == (await written(here, registered))["after"]
    assert [camera["name"] for camera in (await written(here, added))["after"]["cameras"]] == [
        GATE["name"],
        ROOF["name"],
    ]
    assert (await written(here, retired))["after"]["retired_at"] == "2026-11-22T18:00:00+00:00"
    digest = hashlib.sha256(here.gateway["secret"].encode()).hexdigest()
    assert digest not in json.dumps(await written(here, registered))


async def test_others_learn_of_every_change(here: Station) -> None:
    async with here.administrator() as boss:
        camera = (await boss.post(f"/v1/devices/{here.car['id']}/cameras", json=ROOF)).json()
        await boss.post(f"/v1/devices/{here.car['id']}/retire")

    async def said() -> list[DeviceChanged] | None:
        theirs = [word for word in await words(here) if word.device_id == here.car["id"]]
        return theirs if len(theirs) == 3 else None

    first, second, third = await eventually(said)
    assert (first.agency_id, first.name, first.kind) == (AGENCY, "Unit 12", "patrol_car")
    assert [known.id for known in second.cameras] == [here.car["cameras"][0]["id"], camera["id"]]
    assert (first.retired, second.retired, third.retired) == (False, False, True)
    assert third.cameras == second.cameras


async def test_a_new_camera_may_send_at_once(here: Station) -> None:
    async with here.administrator() as boss:
        camera = (await boss.post(f"/v1/devices/{here.gateway['id']}/cameras", json=GATE)).json()
    assert (await here.post_frame(camera_id=camera["id"])).status_code == 202


async def test_the_register_lists_what_was_registered(here: Station) -> None:
    async with here.administrator() as boss:
        await boss.post(f"/v1/devices/{here.car['id']}/retire")
        here.town.clock.advance(minutes=1)
        again = await boss.post(f"/v1/devices/{here.car['id']}/retire")
        listed = (await boss.get("/v1/devices")).json()["devices"]
    assert again.status_code == 200
    gateway, car = listed
    assert gateway == {name: value for name, value in here.gateway.items() if name != "secret"}
    assert (gateway["retired_at"], car["retired_at"]) == (None, "2026-11-22T18:00:00Z")
    assert (await here.counts())["devices"] == 1


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"name": "X", "kind": "drone"}, 422, "invalid_request"),
    ({"name": "", "kind": "gateway"}, 422, "invalid_request"),
    ({"name": "X", "kind": "gateway", "secret": "mine"}, 422, "invalid_request"),
    ({"name": "X", "kind": "gateway", "cameras": [{"name": "A", "kind": "fixed"}]}, 422, "position_missing"),
    ({"name": "X", "kind": "gateway", "cameras": [{**ROOF, "position": POMONA}]}, 422, "position_not_fixed"),
    ({"name": "X", "kind": "gateway", "cameras": [ROOF] * 501}, 422, "invalid_request"),
    ({"name": "X", "kind": "camera", "cameras": [GATE, GATE]}, 409, "camera_is_single"),
]


async def test_what_cannot_be_registered_is_refused(here: Station) -> None:
    async with here.administrator() as boss:
        for body, status, code in WRONG:
            answer = await boss.post("/v1/devices", json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code), body
        assert len((await boss.get("/v1/devices")).json()["devices"]) == 2


async def test_a_retired_device_gets_no_camera(here: Station) -> None:
    async with here.administrator() as boss:
        await boss.post(f"/v1/devices/{here.car['id']}/retire")
        answer = await boss.post(f"/v1/devices/{here.car['id']}/cameras", json=ROOF)
    assert (answer.status_code, answer.json()["code"]) == (409, "device_retired")


@pytest.mark.clause("B1")
async def test_only_the_administrator_changes_the_register(here: Station) -> None:
    body = {"name": "X", "kind": "gateway"}
    town = here.town
    helper = town.person("helper", "administrator", offices=())
    for who in (town.person("officer"), town.person("auditor", "auditor"), helper, town.device("x")):
        expected = "not_allowed" if who.kind == "device" else "not_administrator"
        async with town.client(who) as client:
            for path in ("/v1/devices", f"/v1/devices/{here.car['id']}/retire"):
                answer = await client.post(path, json=body)
                assert (answer.status_code, answer.json()["code"]) == (403, expected)


async def test_another_agencys_device_does_not_exist(here: Station) -> None:
    other = AgencyId("galt-pd")
    await here.town.open_agency(other, profile="galt")
    async with here.town.client(here.town.person("boss", "administrator", agency_id=other)) as boss:
        assert (await boss.get("/v1/devices")).json()["devices"] == []
        for act, body in (("retire", None), ("cameras", ROOF)):
            answer = await boss.post(f"/v1/devices/{here.gateway['id']}/{act}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "device_not_found")
    assert (await here.post_frame()).status_code == 202


async def test_the_register_outlives_a_restart(tmp_path: Path) -> None:
    async with station(tmp_path / "var") as before:
        async with before.administrator() as boss:
            await boss.post(f"/v1/devices/{before.car['id']}/retire")
        gateway, car = before.gateway, before.car
    async with station(tmp_path / "var") as after:
        assert (await after.post_frame(device=gateway)).status_code == 202
        assert (await after.post_frame(device=car, position=POMONA)).json()["code"] == "device_unknown"


async def test_what_another_process_registered_is_learnt_from_the_bus(here: Station) -> None:
    word = DeviceChanged(
        agency_id=AGENCY, device_id=DeviceId("elsewhere"), name="E", kind="gateway", secret_sha256="0" * 64
    )
    await here.bus.publish([word], source="ingest")
    await eventually(lambda: here.room.register.sender(here.town.device("elsewhere")))
    answer = await here.post_frame(who=here.town.device("elsewhere"))
    assert answer.json()["code"] == "camera_not_yours"


async def test_an_old_word_never_brings_a_retired_device_back(here: Station) -> None:
    old = (await eventually(lambda: words(here)))[0]
    async with here.administrator() as boss:
        await boss.post(f"/v1/devices/{old.device_id}/retire")
    await here.room.register.apply(old)
    assert (await here.post_frame()).status_code == 401
