"""Reads made in the camera, through the public door: each is answered for itself."""

import asyncio
import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standing import AGENCY
from unit.ingest.station import POMONA, Station, crop, photograph, station

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import MAX_READS, Box, Candidate, Model, PlatesRead
from platekeeper_ingest.domain import UNKNOWN_MODEL
from platekeeper_ingest.handlers import CROPS_AT_ONCE
from platekeeper_ingest.room import IngestSettings


async def test_an_accepted_read_is_on_the_bus_with_all_it_said(here: Station) -> None:
    sent = here.read(
        plate=" 7abc-123 ",
        state="CA",
        heading=181.0,
        lane="1",
        candidates=[{"plate": "7A8C123", "confidence": 0.2}, {"plate": "7ABC 123", "confidence": 0.93}],
        box={"x": 10, "y": 20, "width": 90, "height": 30},
        model={"name": "roadside", "version": "4.1", "checksum": "ab" * 32},
        crop=crop(),
    )
    answer = await here.post_reads(sent)
    assert answer.status_code == 202
    [read] = await here.reads()
    assert answer.json() == {
        "accepted": 1,
        "refused": 0,
        "results": [{"read_id": "8f2c", "id": read.id, "accepted": True}],
    }
    assert (read.agency_id, read.device_id, read.camera_id) == (AGENCY, here.gateway["id"], sent["camera_id"])
    assert (read.plate, read.confidence, read.state) == ("7ABC123", 0.93, "CA")
    assert read.candidates == (Candidate("7ABC123", 0.93), Candidate("7A8C123", 0.2))
    assert (read.box, read.model) == (Box(10, 20, 90, 30), Model("roadside", "4.1", "ab" * 32))
    assert (read.heading, read.lane, read.source) == (181.0, "1", "edge")
    assert read.captured_at == read.received_at == here.town.clock()
    assert read.live_until == read.captured_at + timedelta(minutes=5)
    assert not read.late
    assert read.position is not None
    assert read.position.latitude == POMONA["latitude"]
    assert read.crop is not None
    assert read.crop.path.startswith(f"{AGENCY}/2026-11-22/crop/{read.id}")
    assert await here.town.standing.foundation.objects.get(read.crop) == base64.b64decode(sent["crop"])


async def test_a_read_may_say_little(here: Station) -> None:
    assert (await here.post_reads(here.read())).status_code == 202
    [read] = await here.reads()
    assert (read.model, read.crop, read.image, read.frame_id) == (UNKNOWN_MODEL, None, None, None)


@pytest.mark.clause("E2")
async def test_a_late_read_is_taken_and_marked(here: Station) -> None:
    captured_at = (here.town.clock() - timedelta(minutes=5, seconds=1)).isoformat()
    just = (here.town.clock() - timedelta(minutes=5)).isoformat()
    answer = await here.post_reads(
        here.read(here.car, read_id="late", captured_at=captured_at, position=POMONA),
        here.read(here.car, read_id="live", captured_at=just, position=POMONA),
        device=here.car,
    )
    assert answer.json()["accepted"] == 2
    late, live = await here.reads()
    assert late.late
    assert not live.late


async def test_a_line_each_is_understood_too(here: Station) -> None:
    lines = "\n".join(json.dumps(here.read(read_id=f"{number}")) for number in range(3))
    async with here.client(here.gateway) as client:
        answer = await client.post(
            "/v1/reads", content=f"{lines}\nnot json\n\n", headers={"Content-Type": "application/x-ndjson"}
        )
    assert answer.status_code == 202
    assert [result["accepted"] for result in answer.json()["results"]] == [True, True, True, False]
    assert len(await here.reads()) == 3


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"plate": "7ABC123É"}, "plate_invalid", "other than A-Z"),
    ({"plate": "-- ."}, "plate_invalid", "no characters"),
    ({"plate": "ABCDEFGHIJK"}, "plate_invalid", "11 characters"),
    ({"candidates": [{"plate": "?", "confidence": 0.5}]}, "plate_invalid", "other than A-Z"),
    ({"confidence": 1.01}, "invalid_request", "confidence"),
    ({"confidence": "0.9"}, "invalid_request", "confidence"),
    ({"captured_at": "2026-11-22T18:06:00Z"}, "captured_in_future", "captured_at"),
    ({"captured_at": "2026-11-22T18:00:00"}, "invalid_request", "captured_at"),
    ({"camera_id": "of-somebody-else"}, "camera_not_yours", "not registered"),
    ({"state": "California"}, "invalid_request", "state"),
    ({"box": {"x": 0, "y": 0, "width": 0, "height": 1}}, "invalid_request", "box.width"),
    ({"colour": "red"}, "invalid_request", "colour"),
    ({"crop": "not base64!"}, "invalid_request", "crop"),
    ({"crop": base64.b64encode(b"no picture").decode()}, "image_invalid", "JPEG"),
    ({"crop": base64.b64encode(photograph()[:900]).decode()}, "image_truncated", "cut off"),
    ({"crop": base64.b64encode(photograph() + bytes(200_000)).decode()}, "too_large", "200000"),
]


async def test_a_read_that_cannot_be_used_is_refused_and_the_rest_kept(here: Station) -> None:
    wrong = [here.read(read_id=f"wrong {number}", **more) for number, (more, _, _) in enumerate(REFUSED)]
    answer = await here.post_reads(*wrong, here.read(read_id="right"), 17, {"read_id": "bare"})
    assert answer.status_code == 202
    body = answer.json()
    accepted = [result["read_id"] for result in body["results"] if result["accepted"]]
    assert (accepted, body["accepted"], body["refused"]) == (["right"], 1, len(REFUSED) + 2)
    for number, (result, (_, code, detail)) in enumerate(zip(body["results"], REFUSED, strict=False)):
        assert (result["read_id"], result["accepted"], result["code"]) == (f"wrong {number}", False, code)
        assert detail in result["detail"]
        assert "7ABC123" not in result["detail"]
    right, number, bare = body["results"][-3:]
    assert right["accepted"]
    assert (number["code"], bare["code"], bare["read_id"]) == ("invalid_request", "invalid_request", "bare")
    assert "read_id" not in number
    [read] = await here.reads()
    assert read.id == right["id"]
    assert here.objects() == []
    counts = await here.counts()
    assert (counts["reads_accepted"], counts["refused_plate_invalid"]) == (1, 4)


async def test_the_call_fails_when_no_read_was_accepted(here: Station) -> None:
    answer = await here.post_reads(here.read(plate="?"), here.read(device=here.car))
    assert (answer.status_code, answer.json()["code"]) == (422, "no_read_accepted")
    assert [result["code"] for result in answer.json()["results"]] == ["plate_invalid", "camera_not_yours"]
    assert await here.kept_nothing()


async def test_a_mobile_cameras_read_needs_its_position(here: Station) -> None:
    answer = await here.post_reads(here.read(here.car), device=here.car)
    assert answer.json()["results"][0]["code"] == "position_missing"


BODIES: list[tuple[dict[str, Any], str]] = [
    ({"json": []}, "no_read_sent"),
    ({"json": {"reads": []}}, "invalid_request"),
    ({"content": b"[{", "headers": {"Content-Type": "application/json"}}, "invalid_request"),
    ({"content": b"\n\n", "headers": {"Content-Type": "application/x-ndjson"}}, "no_read_sent"),
    ({"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, "invalid_request"),
    ({"content": b'{"a":' * 50_000, "headers": {"Content-Type": "application/x-ndjson"}}, "no_read_accepted"),
    ({"content": b"plate", "headers": {"Content-Type": "text/csv"}}, "media_type_unknown"),
    ({"content": b"[]"}, "media_type_unknown"),
    ({"json": [{}] * 1_001}, "too_many_reads"),
]


async def test_a_body_that_holds_no_reads_is_refused(here: Station) -> None:
    async with here.client(here.gateway) as client:
        for body, code in BODIES:
            answer = await client.post("/v1/reads", **body)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await here.kept_nothing()


async def test_a_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(body_limit=1_000)) as here:
        answer = await here.post_reads(*[here.read()] * 20)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert await here.kept_nothing()


async def test_duplicates_are_one_read(here: Station) -> None:
    captured_at = here.town.clock().isoformat()
    answer = await here.post_reads(here.read(), here.read(plate="OTHER1"), here.read(read_id="another"))
    first, second, another = (result["id"] for result in answer.json()["results"])
    assert first == second != another
    assert [read.plate for read in await here.reads()] == ["7ABC123", "7ABC123"]
    here.town.clock.advance(minutes=1)
    again = await here.post_reads(here.read(captured_at=captured_at))
    assert again.json()["results"][0]["id"] == first
    later = await here.post_reads(here.read())
    assert later.json()["results"][0]["id"] != first


async def test_another_crop_under_the_same_read_id_is_not_taken_for_the_first(here: Station) -> None:
    await here.post_reads(here.read(crop=crop("PNG")))
    await here.post_reads(here.read(crop=crop("JPEG")))
    pictures = [await here.town.standing.foundation.objects.get(read.crop) for read in await here.reads() if read.crop]
    assert pictures == [base64.b64decode(crop("PNG")), base64.b64decode(crop("JPEG"))]


async def test_a_full_call_rides_in_events_of_one_camera_each(here: Station) -> None:
    async with here.administrator() as boss:
        more = await boss.post(f"/v1/devices/{here.gateway['id']}/cameras", json={"name": "South", "kind": "mobile"})
    south = more.json()["id"]
    reads = [here.read(read_id=f"{number}") for number in range(MAX_READS + 100)]
    reads += [here.read(read_id=f"s{number}", camera_id=south, position=POMONA) for number in range(400)]
    answer = await here.post_reads(*reads)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1_000)
    chunks = await here.chunks()
    assert sorted((chunk.camera_id == south, len(chunk.reads)) for chunk in chunks) == [
        (False, 100),
        (False, MAX_READS),
        (True, 400),
    ]
    assert all(read.camera_id == chunk.camera_id for chunk in chunks for read in chunk.reads)


async def test_above_the_backlog_reads_must_wait_until_all_have_handled_them(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(max_read_backlog=1, retry_after_seconds=7)) as here:
        assert (await here.post_reads(here.read(read_id="1"))).status_code == 202
        answer = await here.post_reads(here.read(read_id="2", crop=crop("PNG")))
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "backlog_full", "7")
        assert (len(await here.reads()), here.objects()) == (1, [])
        assert (await here.post_frame()).status_code == 202
        for group, status in (("retention", 503), ("hotlist", 202)):
            member = await here.bus.join(group, [PlatesRead.topic])
            while (batch := await member.poll(10)) is None:
                pass
            await batch.done()
            await here.room.intake.look(here.bus)
            assert (await here.post_reads(here.read(read_id="2"))).status_code == status


async def test_without_the_bus_no_read_is_acknowledged(here: Station) -> None:
    await here.bus.close()
    answer = await here.post_reads(here.read())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_nothing_is_kept_behind_the_answer_of_a_call_whose_crops_cannot_be_kept(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = 0

    async def away(*_picture: Any, **_where: Any) -> ImageReference:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.01 * begun)
        raise Unavailable("object store: away")

    monkeypatch.setattr(here.room.foundation.objects, "put", away)
    reads = [here.read(read_id=f"{number}", crop=crop()) for number in range(3 * CROPS_AT_ONCE)]
    assert (await here.post_reads(*reads)).status_code == 503
    await asyncio.sleep(0.3)
    assert begun <= CROPS_AT_ONCE + 1
