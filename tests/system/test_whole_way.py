"""From a posted photograph to a hit and an audited answer, through the public door of a real process."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import aconnect_sse
from precinct import CRIMINAL, PATROL, Platform, Precinct, open_precinct, platform, post_frame, soon

from platekeeper import client
from platekeeper.client import ApiError, Session
from platekeeper.demo import street
from platekeeper_common import watermark


async def test_a_frame_becomes_a_hit_and_a_search_leaves_its_record(tmp_path: Path) -> None:
    wanted, other = street.samples()[:2]
    async with platform(tmp_path / "var", "--empty") as running, client.connect(running.url) as http:
        precinct = await open_precinct(http, await _password(running))
        await _list_plate(precinct.administrator, wanted.plate)
        stream = await _next_hit(http, precinct.officer)
        started = datetime.now(UTC).isoformat()
        first = await post_frame(precinct.gateway, precinct.cameras[0], "f-1", wanted.image())
        await post_frame(precinct.gateway, precinct.cameras[1], "f-2", other.image())

        hit = await asyncio.wait_for(stream, 30)
        assert hit["read"]["plate"] == wanted.plate
        assert hit["read"]["frame_id"] == first["id"]
        assert hit["entry"]["category"] == "stolen_vehicle"
        assert not hit["late"]

        found = await _search(precinct.officer, wanted.plate, started)
        assert [read["plate"] for read in found] == [wanted.plate]
        await _sees_the_pictures(http, precinct.officer, found[0]["id"], wanted.image())
        await _untrained_is_refused(precinct)
        await _records_tell_all_of_it(precinct, wanted.plate)
        assert await running.stop() == 0
    assert not any(wanted.plate in line for line in running.errors)


async def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    samples = street.samples()[:4]
    var = tmp_path / "var"
    async with platform(var, "--empty") as running, client.connect(running.url) as http:
        precinct = await open_precinct(http, await _password(running))
        started = datetime.now(UTC).isoformat()
        for number, sample in enumerate(samples):
            await post_frame(precinct.gateway, precinct.cameras[0], f"f-{number}", sample.image())
        officer = precinct.officer
        await running.kill()
    async with platform(var, "--empty") as again, client.connect(again.url) as http:
        await again.until("serves on")
        officer.http = http
        for sample in samples:
            assert len(await _search(officer, sample.plate, started)) == 1
        assert await again.stop() == 0


async def test_a_real_agency_cannot_go_live_beside_the_demonstration(tmp_path: Path) -> None:
    async with platform(tmp_path / "var") as running, client.connect(running.url) as http:
        password = await _password(running)
        await running.until("logins:")
        precinct = await open_precinct(http, password)
        with pytest.raises(ApiError) as refused:
            await precinct.platform_admin.post(f"/v1/agencies/{precinct.agency_id}/go-live")
        assert (refused.value.status, refused.value.code) == (409, "demonstration_present")
        await precinct.platform_admin.post("/v1/agencies/demonstration-1/close")
        live = await precinct.platform_admin.post(f"/v1/agencies/{precinct.agency_id}/go-live")
        assert live["mode"] == "live"
        await running.stop()


async def _password(running: Platform) -> str:
    return (await running.until(r"one-time password: (\S+)"))[1]


async def _list_plate(by: Session, plate: str) -> None:
    hot = await by.post("/v1/hotlists", {"name": "Stolen vehicles", "source": "dept", **CRIMINAL})
    entry = {"plate": plate, "category": "stolen_vehicle", "reason": "Taken from the station lot", **CRIMINAL}
    await by.post(f"/v1/hotlists/{hot['id']}/entries", entry)


async def _next_hit(http: httpx.AsyncClient, officer: Session) -> "asyncio.Task[dict[str, Any]]":
    """What the stream of hits will tell first; it is open already, and tells only what comes from then on."""
    opened = asyncio.Event()
    task = asyncio.create_task(_first_hit(http, officer, opened))
    async with asyncio.timeout(30):
        await opened.wait()
    return task


async def _first_hit(http: httpx.AsyncClient, officer: Session, opened: asyncio.Event) -> dict[str, Any]:
    headers = await officer.headers()
    async with aconnect_sse(http, "GET", "/v1/hits/stream", params=PATROL, headers=headers) as source:
        source.response.raise_for_status()
        opened.set()
        async for event in source.aiter_sse():
            if event.event == "hit":
                hit: dict[str, Any] = json.loads(event.data)
                return hit
    raise AssertionError("the stream ended without a hit")


async def _search(officer: Session, plate: str, since: str) -> list[dict[str, Any]]:
    async def reads() -> list[dict[str, Any]]:
        answer = await officer.post("/v1/searches", {"plate": plate, "from": since, **CRIMINAL})
        found: list[dict[str, Any]] = answer["reads"]
        return found

    async with asyncio.timeout(30):
        found: list[dict[str, Any]] = []
        while not found:
            found = await soon(reads)
            await asyncio.sleep(0.1)
    return found


async def _sees_the_pictures(http: httpx.AsyncClient, officer: Session, read_id: str, image: bytes) -> None:
    headers = await officer.headers()
    frame = await http.get(f"/v1/reads/{read_id}/image", params=CRIMINAL, headers=headers)
    assert frame.content == watermark.within(image, frame.headers[watermark.HEADER])
    assert frame.headers["cache-control"] == "no-store"
    crop = await http.get(f"/v1/reads/{read_id}/crop", params=CRIMINAL, headers=headers)
    assert crop.status_code == 200
    assert crop.headers["content-type"].startswith("image/")


async def _untrained_is_refused(precinct: Precinct) -> None:
    with pytest.raises(ApiError) as refused:
        await precinct.untrained.post("/v1/searches", {"plate": "7SYN001", **CRIMINAL})
    assert (refused.value.status, refused.value.code) == (403, "training_missing")


async def _records_tell_all_of_it(precinct: Precinct, plate: str) -> None:
    async def told() -> list[dict[str, Any]]:
        answer = await precinct.administrator.get("/v1/access-records", limit="200")
        records: list[dict[str, Any]] = answer["records"]
        return records

    expected = {
        ("reads.search", "allowed", "officer"),
        ("image.view", "allowed", "officer"),
        ("hits.stream", "allowed", "officer"),
        ("reads.search", "refused", "recruit"),
        ("hotlist.edit", "allowed", "boss"),
    }
    async with asyncio.timeout(10):
        while not expected <= {(r["action"], r["outcome"], r["username"]) for r in await told()}:
            await asyncio.sleep(0.1)
    search = next(r for r in await told() if r["action"] == "reads.search" and r["outcome"] == "allowed")
    assert search["purpose"] == CRIMINAL["purpose"]
    assert search["matter_number"] == CRIMINAL["matter_number"]
    opened = await precinct.administrator.get(f"/v1/access-records/{search['id']}")
    assert opened["query"]["plate"] == plate
