"""A run with plates in every place where one can be put: none of them, no token and no picture is logged or counted."""

import asyncio
import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from precinct import ADMIN_PASSWORD, CRIMINAL, PATROL, Platform, Precinct, open_precinct, platform, post_frame, soon
from prometheus_client.parser import text_string_to_metric_families

from platekeeper import client
from platekeeper.client import ApiError, Session
from platekeeper.demo import street
from platekeeper_common.bus.embedded import EmbeddedBus
from platekeeper_common.events.recognition import Model, PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, ReadId

PLATE, OTHER, EDGE, WRONG, POISON, PASSER_BY = "8KRT552", "7ZZX901", "6WVU413", "5NOT-ONE", "4QXV 377", "3YHN888"
PLATES = (PLATE, OTHER, EDGE, WRONG, POISON, PASSER_BY)
SECOND_PASSWORD = "the horse was stapled wrongly 8KRT552"


class Secrets:
    """What must not be found, and everything in which it is sought."""

    def __init__(self, *known: str) -> None:
        self._known = set(known)
        self.text = ""

    def keep(self, *more: str) -> None:
        """These must not be found either."""
        self._known.update(more)

    def found(self) -> list[str]:
        """Those that stand in the text, in any letters, with and without hyphens and spaces."""
        seen = self.text.lower()
        plain = seen.replace("-", "").replace(" ", "")
        short = [one.lower() for one in self._known]
        return [one for one in short if one in seen or one.replace("-", "").replace(" ", "") in plain]


def remembered(http: httpx.AsyncClient, secrets: Secrets) -> None:
    """Keep whatever the platform hands out once: tokens, passwords, secrets."""

    async def keep(answer: httpx.Response) -> None:
        if "json" in answer.headers.get("content-type", ""):
            await answer.aread()
            told = answer.json() if answer.content else {}
            if isinstance(told, dict):
                names = ("access_token", "one_time_password", "secret")
                secrets.keep(*(str(told[name]) for name in names if told.get(name)))

    http.event_hooks["response"].append(keep)


@pytest.mark.clause("G2")
async def test_no_plate_token_or_picture_is_logged_or_counted(tmp_path: Path) -> None:
    samples = street.samples()[:3]
    secrets = Secrets(*PLATES, *(sample.plate for sample in samples), ADMIN_PASSWORD, SECOND_PASSWORD)
    images = [sample.image() for sample in samples]
    secrets.keep(*(base64.b64encode(image).decode()[start : start + 40] for image in images for start in (0, 400)))
    var = tmp_path / "var"
    async with platform(var, "--empty", PLATEKEEPER_LOG_LEVEL="debug") as running, client.connect(running.url) as http:
        remembered(http, secrets)
        password = (await running.until(r"one-time password: (\S+)"))[1]
        secrets.keep(password)
        precinct = await open_precinct(http, password)
        await _an_evening(http, precinct, images)
        await _strangers(http, precinct)
        for sample in samples:
            await _until_settled(precinct.officer, sample.plate)
        await _until_told(running, 'platekeeper_recognition_frame_duration_seconds_count{service="recognition"} 3.0')
        secrets.text += await _scraped(running)
        assert await running.stop() == 0
        secrets.text += "\n".join(running.errors)
    await _poison(var, precinct)
    async with platform(var, "--empty", PLATEKEEPER_LOG_LEVEL="debug") as again:
        await _until_told(again, 'platekeeper_dead_letters{group="retention",service="retention"} 2.0')
        secrets.text += await _scraped(again)
        assert await again.stop() == 0
    secrets.text += "\n".join(again.errors)
    assert secrets.found() == []
    events = [json.loads(line)["event"] for line in [*running.errors, *again.errors]]
    assert {"request", "service started", "service stopped", "dead_lettered", "checkpoint signed"} <= set(events)
    assert sum(event == "request" for event in events) > 40
    said = [json.loads(line) for line in again.errors if '"dead_lettered"' in line]
    assert {line["reason"] for line in said} >= {"plate_not_normalised", "agency_mismatch"}
    assert all(len(line["event_id"]) == 36 for line in said)
    _counted(secrets.text)


async def _an_evening(http: httpx.AsyncClient, precinct: Precinct, images: list[bytes]) -> None:
    """What people and devices do all day, with plates where they belong."""
    boss, officer = precinct.administrator, precinct.officer
    hot = await boss.post("/v1/hotlists", {"name": "Stolen vehicles", "source": "dept", **CRIMINAL})
    for plate in (PLATE, EDGE):
        entry = {"plate": plate, "category": "stolen_vehicle", "reason": f"Taken, {plate}", **CRIMINAL}
        kept = await boss.post(f"/v1/hotlists/{hot['id']}/entries", entry)
    for number, image in enumerate(images):
        await post_frame(precinct.gateway, precinct.cameras[0], f"f-{number}", image)
    now = datetime.now(UTC).isoformat()
    reads = [
        {"read_id": f"r-{n}", "camera_id": precinct.cameras[0], "plate": plate, "confidence": 0.9, "captured_at": now}
        for n, plate in enumerate((EDGE, PASSER_BY, "?!8KRT552"))
    ]
    await precinct.gateway.request("POST", "/v1/reads", json=reads)
    stream = asyncio.create_task(_listen(http, officer))
    for plate in (PLATE, OTHER, EDGE.lower(), "8-KRT-552"):
        await officer.post("/v1/searches", {"plate": plate, **CRIMINAL})
    with pytest.raises(ApiError):
        await precinct.untrained.post("/v1/searches", {"plate": PLATE, **CRIMINAL})
    found = await officer.post("/v1/searches", {"plate": EDGE, **CRIMINAL})
    for read in found["reads"]:
        await officer.get(f"/v1/reads/{read['id']}", **CRIMINAL)
        await officer.post(f"/v1/reads/{read['id']}/corrections", {"plate": PASSER_BY, **CRIMINAL})
    await boss.get("/v1/accuracy")
    await boss.request("DELETE", f"/v1/hotlists/{hot['id']}/entries/{kept['id']}", params=CRIMINAL)
    stream.cancel()
    await asyncio.gather(stream, return_exceptions=True)


async def _listen(http: httpx.AsyncClient, officer: Session) -> None:
    headers = await officer.headers() | {"Last-Event-ID": "0"}
    async with http.stream("GET", "/v1/hits/stream", params=PATROL, headers=headers) as answer:
        async for _ in answer.aiter_bytes():
            pass


async def _strangers(http: httpx.AsyncClient, precinct: Precinct) -> None:
    """Plates and passwords where none belongs: path, query, headers, method, request id, username, broken bodies."""
    token = (await precinct.officer.headers())["Authorization"]
    as_json, as_form = {"Content-Type": "application/json"}, {"Content-Type": f"multipart/{PLATE}"}
    odd: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/{PLATE}", {}),
        ("GET", f"/v1/reads/{PLATE}", {"params": CRIMINAL}),
        ("GET", f"/v1/reads/{PLATE}/image", {"params": {"plate": PLATE}}),
        ("POST", f"/v1/reads/{PLATE}/corrections", {"json": {"plate": WRONG, "state": PLATE, **CRIMINAL}}),
        ("GET", f"/v1/hits/{PLATE}", {"params": {"reason": PLATE, **CRIMINAL}}),
        ("GET", "/v1/hits", {"params": {"cursor": PLATE, **CRIMINAL}}),
        ("GET", "/v1/hits/stream", {"params": PATROL, "headers": {"Last-Event-ID": PLATE}}),
        ("GET", "/v1/access-records", {"params": {"username": PLATE}}),
        ("GET", "/docs/ingest/static/" + PLATE, {}),
        ("POST", "/v1/login", {"json": {"username": PLATE, "password": SECOND_PASSWORD}}),
        ("POST", "/v1/login", {"json": {"username": "officer", "password": PLATE, "code": PLATE}}),
        ("POST", "/v1/login", {"json": {PLATE: PLATE}}),
        ("POST", "/v1/device-tokens", {"json": {"device_id": PLATE, "secret": PLATE}}),
        ("POST", "/v1/searches", {"json": {"plate": WRONG + "?" * 9, PLATE: 1, **CRIMINAL}}),
        ("POST", "/v1/searches", {"content": b'{"plate": "8KRT552", ', "headers": as_json}),
        ("POST", "/v1/searches", {"content": PLATE.encode() * 20_000}),
        ("POST", "/v1/frames", {"content": b"--x\r\n" + PLATE.encode(), "headers": as_form}),
        ("POST", "/v1/reads", {"content": f'{{"plate": "{PLATE}"'.encode()}),
        (PLATE, "/v1/searches", {}),
    ]
    for authorization in (None, token, f"Bearer {PLATE}"):
        for method, path, more in odd:
            headers = {"X-Request-Id": PLATE, "User-Agent": PLATE, "Referer": f"https://x/{PLATE}", "Cookie": PLATE}
            headers |= more.get("headers", {}) | ({"Authorization": authorization} if authorization else {})
            answer = await http.request(method, path, **{**more, "headers": headers})
            assert answer.status_code >= 400 or path.startswith("/v1/access-records"), (method, path)
            assert PLATE not in answer.headers.get("x-request-id", "")  # what is no HTTP gets none
    host, port = http.base_url.host, http.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"{PLATE} {PLATE}\r\n\r\n".encode() + os.urandom(200))
    await writer.drain()
    await reader.read()
    writer.close()


async def _until_settled(officer: Session, plate: str) -> None:
    async def read() -> list[Any]:
        answer = await officer.post("/v1/searches", {"plate": plate, **CRIMINAL})
        found: list[Any] = answer["reads"]
        return found

    async with asyncio.timeout(30):
        while not await soon(read):
            await asyncio.sleep(0.2)


async def _poison(var: Path, precinct: Precinct) -> None:
    """Two events that retention can never store: a plate not as plates are written, and another agency's read."""
    now = datetime.now(UTC)
    agency, camera = AgencyId(precinct.agency_id), CameraId(precinct.cameras[0])

    def read(read_id: str, plate: str, of: AgencyId) -> PlateRead:
        return PlateRead(
            id=ReadId(read_id),
            agency_id=of,
            camera_id=camera,
            device_id=DeviceId(precinct.device_id),
            plate=plate,
            confidence=0.9,
            captured_at=now,
            received_at=now,
            live_until=now,
            source="edge",
            model=Model("edge", "1"),
        )

    events = [
        PlatesRead(agency_id=agency, camera_id=camera, reads=(read("one", POISON, agency),)),
        PlatesRead(agency_id=agency, camera_id=camera, reads=(read("two", OTHER, AgencyId("galt-pd")),)),
    ]
    async with EmbeddedBus.open(var / "bus.sqlite") as bus:
        await bus.publish(events, source="recognition")


async def _scraped(running: Platform) -> str:
    url = (await running.until(r"figures for operators: (\S+)"))[1]
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(url)).text


async def _until_told(running: Platform, figure: str) -> None:
    async with asyncio.timeout(30):
        while figure not in await _scraped(running):
            await asyncio.sleep(0.1)


def _counted(text: str) -> None:
    """The run is in the figures: they were not empty when nothing was found in them."""
    first = text[: text.index("\n{")]
    samples = {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(first)
        for sample in family.samples
    }
    assert samples["platekeeper_ingest_frames_accepted_total", "ingest"] == 3
    assert samples["platekeeper_ingest_reads_accepted_total", "ingest"] == 2
    assert samples["platekeeper_hotlist_hits_total", "exact", "false", "hotlist"] >= 1
    assert samples["platekeeper_http_refusals_total", "G2", "credentials_wrong", "accounts", "401"] >= 2
    assert samples["platekeeper_recognition_frame_duration_seconds_count", "recognition"] == 3
    assert samples["platekeeper_retention_reads_stored_total", "retention"] >= 5
