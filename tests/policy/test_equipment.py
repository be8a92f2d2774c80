"""Only the administrator's office, or its delegate, changes the equipment, through the public door (B1)."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from profiles import DEPARTMENTS
from standing import eventually
from unit.accounts.house import House, certificate, codes, house
from unit.ingest.station import GATE, POMONA, ROOF, photograph, published

from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common.access import unseal
from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_ingest.service import SERVICE as INGEST

ELSEWHERE = {"latitude": 34.0636, "longitude": -117.7487}


async def trained(here: House, boss: httpx.AsyncClient, profile: str, *accounts: str) -> str:
    """Certify people as the manual has it; whoever certifies holds the post, for an own training is nobody's (C3)."""
    owner = "training_owner" if profile not in ("corona", "downey") else "administrator"
    sergeant = await here.hire(boss, "sergeant", "trainer")
    assert (await boss.put(f"/v1/posts/{owner}", json={"account_id": sergeant})).is_success
    trainer = await here.login("sergeant")
    boss_id = str((await here.try_login("boss")).json()["account_id"])
    for account in (boss_id, *accounts):
        answer = await trainer.post("/v1/training-certificates", json=certificate(here, account))
        assert answer.status_code == 201, answer.text
    filler = trainer if owner == "administrator" else boss
    assert (await filler.put("/v1/posts/administrator", json={"account_id": boss_id})).is_success
    return boss_id


async def _device(here: House, device: dict[str, Any]) -> httpx.AsyncClient:
    """A client that holds the device's token."""
    body = {"device_id": device["id"], "secret": device["secret"]}

    async def token() -> str | None:
        answer = await here.client().post("/v1/device-tokens", json=body)
        return str(answer.json()["access_token"]) if answer.is_success else None

    return here.client(await eventually(token))


async def _frame(here: House, client: httpx.AsyncClient, camera: str, number: str) -> httpx.Response:
    metadata = {"camera_id": camera, "frame_id": number, "captured_at": here.clock().isoformat()}
    files = {"image": ("frame.jpg", photograph(), "image/jpeg")}
    return await client.post("/v1/frames", files=files, data={"metadata": json.dumps(metadata)})


async def _frames(here: House) -> list[FrameCaptured]:
    said = await published(here.standing.foundation.bus, FrameCaptured.topic)
    return [event for event in said if isinstance(event, FrameCaptured)]


@pytest.mark.clause("B1")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_only_the_office_adds_moves_calibrates_and_retires(tmp_path: Path, profile: str) -> None:
    async with house(tmp_path / "var", services=(ACCOUNTS, INGEST), peer_seconds=30) as here:
        boss = await here.staffed(profile=profile)
        technician = await here.hire(boss, "rivera")
        helper_id = await here.hire(boss, "helper", "administrator")
        await trained(here, boss, profile, technician, helper_id)
        boss, helper = await here.login("boss"), await here.login("helper")
        new = {"name": "Gate", "kind": "gateway", "cameras": [GATE, ROOF]}
        device = (await boss.post("/v1/devices", json=new)).json()
        fixed, mobile = (f"/v1/devices/{device['id']}/cameras/{camera['id']}" for camera in device["cameras"])
        acts: list[tuple[str, dict[str, Any]]] = [
            ("/v1/devices", new),
            (f"/v1/devices/{device['id']}/cameras", GATE),
            (f"{fixed}/move", {"position": ELSEWHERE}),
            (f"{fixed}/calibrate", {"heading": 271.5}),
            (f"/v1/devices/{device['id']}/retire", {}),
        ]
        refused = [await helper.post(path, json=body) for path, body in acts]
        assert [(one.status_code, one.json()["code"], one.json()["clause"]) for one in refused] == [
            (403, "not_administrator", "B1")
        ] * len(acts)
        ends = (here.clock() + timedelta(minutes=6)).isoformat()
        scope = {"acts": ["device.move", "device.calibrate"], "ends": ends}
        body = {"post": "administrator", "account_id": technician, **scope}
        assert (await boss.post("/v1/delegations", json=body)).status_code == 201
        delegate = await here.login("rivera")
        answers = [await delegate.post(path, json=asked) for path, asked in acts]
        assert codes(answers) == ["not_administrator", "not_administrator", "200", "200", "not_administrator"]
        assert (answers[2].json()["position"], answers[3].json()["heading"]) == (ELSEWHERE, 271.5)
        await eventually(lambda: here.records("device.move") and here.records("device.calibrate"))
        (moved,), (calibrated,) = here.records("device.move"), here.records("device.calibrate")
        for record, key, before, after in (
            (moved, "position", list(POMONA.values()), list(ELSEWHERE.values())),
            (calibrated, "heading", None, 271.5),
        ):
            assert record.query is not None
            told = json.loads(await unseal(here.standing.foundation.keys, record.id, record.query))
            assert (told["before"]["cameras"][0][key], told["after"]["cameras"][0][key]) == (before, after)
        wrong = [
            await delegate.post(f"{mobile}/move", json={"position": ELSEWHERE}),
            await delegate.post(f"{mobile}/calibrate", json={"heading": 1}),
            await delegate.post(f"{fixed}/calibrate", json={"heading": 360}),
            await delegate.post(f"{fixed}-other/calibrate", json={"heading": 1}),
        ]
        assert codes(wrong) == ["position_not_fixed", "heading_not_fixed", "invalid_request", "camera_not_found"]
        here.clock.advance(minutes=6)  # the token lives on, the delegation has ended
        late = await delegate.post(f"{fixed}/calibrate", json={"heading": 10})
        assert codes([late]) == ["not_administrator"]


@pytest.mark.clause("B1")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_nothing_is_kept_of_a_retired_or_unknown_device_and_it_is_counted(tmp_path: Path, profile: str) -> None:
    async with house(tmp_path / "var", services=(ACCOUNTS, INGEST), peer_seconds=30) as here:
        boss = await here.staffed(profile=profile)
        await trained(here, boss, profile)
        boss = await here.login("boss")
        device = (await boss.post("/v1/devices", json={"name": "G", "kind": "gateway", "cameras": [GATE]})).json()
        camera = device["cameras"][0]["id"]
        turned = await boss.post(f"/v1/devices/{device['id']}/cameras/{camera}/calibrate", json={"heading": 90})
        assert turned.is_success
        gateway = await _device(here, device)
        assert (await _frame(here, gateway, camera, "1")).status_code == 202
        assert [frame.heading for frame in await _frames(here)] == [90]
        assert (await boss.post(f"/v1/devices/{device['id']}/retire")).is_success
        refused = [await _frame(here, gateway, camera, str(number)) for number in (2, 3)]
        assert [(one.status_code, one.json()["code"], one.json()["clause"]) for one in refused] == [
            (401, "device_unknown", "B1")
        ] * 2
        retired = await boss.post(f"/v1/devices/{device['id']}/cameras/{camera}/calibrate", json={"heading": 1})
        assert codes([retired]) == ["device_retired"]
        stranger = {"device_id": "nobody", "secret": device["secret"]}
        unknown = await here.client().post("/v1/device-tokens", json=stranger)
        assert (unknown.status_code, unknown.json()["code"]) == (401, "device_unknown")
        assert len(await _frames(here)) == 1
        counts = (await here.client().get("/health/ingest")).json()["counts"]
        assert counts["refused_device_unknown"] == 2


@pytest.mark.clause("B1")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_an_office_that_ends_at_a_set_moment_ends_in_the_middle_of_a_token(tmp_path: Path, profile: str) -> None:
    async with house(tmp_path / "var", services=(ACCOUNTS, INGEST), peer_seconds=30) as here:
        boss = await here.staffed(profile=profile)
        people = {name: await here.hire(boss, name, "auditor") for name in ("chief", "next")}
        boss_id = (await here.try_login("boss")).json()["account_id"]
        await trained(here, boss, profile, *people.values())
        for post, account in (("agency_head", people["chief"]), ("administrator", boss_id)):
            assert (await boss.put(f"/v1/posts/{post}", json={"account_id": account})).is_success
        leaves, comes = (here.clock() + timedelta(minutes=minutes) for minutes in (3, 6))
        for account, begins in ((None, leaves), (people["next"], comes)):
            body = {"account_id": account, "begins": begins.isoformat()}
            assert (await boss.put("/v1/posts/administrator", json=body)).is_success
        new = {"name": "Gate", "kind": "gateway", "cameras": [GATE]}
        holder = await here.login("boss")
        assert codes([await holder.post("/v1/devices", json=new)]) == ["201"]
        here.clock.advance(minutes=3)
        assert codes([await holder.post("/v1/devices", json=new)]) == ["not_administrator"]
        deputy = await here.login("chief")
        assert codes([await deputy.post("/v1/devices", json=new)]) == ["201"]
        here.clock.advance(minutes=3)
        successor = await here.login("next")
        answers = [await client.post("/v1/devices", json=new) for client in (deputy, successor)]
        assert codes(answers) == ["not_administrator", "201"]
