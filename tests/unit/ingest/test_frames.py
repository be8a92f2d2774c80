"""Frames through the public door: what is kept, and everything that is refused."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from folders import contents
from PIL import Image
from standing import AGENCY, eventually
from unit.ingest.station import POMONA, Station, photograph, station

from platekeeper_common.ids import AgencyId
from platekeeper_ingest.room import IngestSettings


async def test_an_accepted_frame_is_on_the_bus_and_its_picture_can_be_opened(here: Station) -> None:
    picture = photograph()
    answer = await here.post_frame(picture, heading=12.5, lane="2")
    assert answer.status_code == 202
    [frame] = await here.frames()
    assert answer.json()["id"] == frame.id
    assert frame.agency_id == AGENCY
    assert (frame.device_id, frame.camera_id) == (here.gateway["id"], here.gateway["cameras"][0]["id"])
    assert (frame.device_frame_id, frame.heading, frame.lane) == ("000127", 12.5, "2")
    assert frame.captured_at == frame.received_at == here.town.clock()
    assert frame.live_until == frame.captured_at + timedelta(minutes=5)
    assert frame.image.sha256 == hashlib.sha256(picture).hexdigest()
    assert frame.image.media_type == "image/jpeg"
    assert frame.image.path == f"{AGENCY}/2026-11-22/image/{frame.id}"
    assert await here.town.standing.foundation.objects.get(frame.image) == picture


@pytest.mark.clause("G1")
async def test_no_byte_of_the_picture_lies_open_in_the_folder(here: Station) -> None:
    picture = photograph(size=(1600, 1200))
    assert (await here.post_frame(picture)).status_code == 202
    middle = picture[len(picture) // 2 :][:64]
    assert [path for path, data in contents(here.folder).items() if middle in data] == []


async def test_every_kind_of_picture_is_taken(here: Station) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        assert (await here.post_frame(photograph(kind))).status_code == 202
    assert {frame.image.media_type for frame in await here.frames()} == {"image/jpeg", "image/png", "image/webp"}


async def test_the_same_frame_sent_twice_has_one_id_and_one_picture(here: Station) -> None:
    captured_at = here.town.clock().isoformat()
    first = (await here.post_frame(captured_at=captured_at)).json()
    here.town.clock.advance(seconds=30)
    second = (await here.post_frame(captured_at=captured_at)).json()
    assert first["id"] == second["id"]
    assert len(here.objects()) == 1
    assert len({frame.id for frame in await here.frames()}) == 1


async def test_capture_time_in_another_zone_is_the_same_frame(here: Station) -> None:
    first = await here.post_frame(captured_at="2026-11-22T18:00:00Z")
    second = await here.post_frame(captured_at="2026-11-22T10:00:00-08:00")
    assert first.json()["id"] == second.json()["id"]


async def test_a_fixed_camera_stands_where_it_was_registered(here: Station) -> None:
    await here.post_frame(frame_id="1")
    await here.post_frame(frame_id="2", position={"latitude": 1, "longitude": 2.5})
    first, second = sorted(await here.frames(), key=lambda frame: frame.device_frame_id)
    assert first.position is not None
    assert (first.position.latitude, first.position.longitude) == tuple(POMONA.values())
    assert second.position is not None
    assert (second.position.latitude, second.position.longitude) == (1.0, 2.5)


@pytest.mark.clause("E2")
async def test_a_patrol_cars_late_frame_is_taken_and_no_longer_live(here: Station) -> None:
    captured_at = here.town.clock() - timedelta(days=40)
    answer = await here.post_frame(device=here.car, captured_at=captured_at.isoformat(), position=POMONA)
    assert answer.status_code == 202
    [frame] = await here.frames()
    assert frame.live_until < frame.received_at
    assert frame.captured_at == captured_at


HALF = len(photograph()) // 2
BOMB = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"


UNUSABLE = {
    "empty": (b"", 422, "image_invalid"),
    "a document": (b"%PDF-1.7 this is no picture", 422, "image_invalid"),
    "another kind of picture": (photograph("GIF"), 422, "image_invalid"),
    "half a JPEG": (photograph()[:HALF], 422, "image_truncated"),
    "a JPEG without its end": (photograph()[:-2], 422, "image_truncated"),
    "a PNG cut off": (photograph("PNG")[:-300], 422, "image_truncated"),
    "a WebP without its last byte": (photograph("WEBP")[:-1], 422, "image_truncated"),
    "a header that claims 2.5 billion pixels": (BOMB, 422, "image_too_many_pixels"),
    "too many bytes": (photograph() + bytes(300_000), 413, "too_large"),
}


async def test_a_picture_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(max_image_bytes=200_000)) as here:
        for name, (picture, status, code) in UNUSABLE.items():
            answer = await here.post_frame(picture)
            assert (answer.status_code, answer.json()["code"]) == (status, code), name
            assert answer.headers["content-type"] == "application/problem+json"
        assert await here.kept_nothing()
        counts = await here.counts()
        assert {name: count for name, count in counts.items() if name.startswith("refused_")} == {
            "refused_image_invalid": 3,
            "refused_image_truncated": 4,
            "refused_image_too_many_pixels": 1,
            "refused_too_large": 1,
        }


async def test_the_pixel_limit_is_of_the_settings(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(max_pixels=320 * 200)) as here:
        assert (await here.post_frame(photograph(size=(320, 200)))).status_code == 202
        answer = await here.post_frame(photograph(size=(321, 200)))
        assert answer.json()["code"] == "image_too_many_pixels"


async def test_a_body_over_the_limit_is_refused_while_it_arrives(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(body_limit=50_000)) as here:
        answer = await here.post_frame(bytes(60_000))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert await here.kept_nothing()


async def broken_off() -> AsyncIterator[bytes]:
    """The upload of a car that drove out of reach."""
    yield b"--x\r\n"
    await asyncio.Event().wait()


async def test_an_upload_that_stalls_gives_its_place_to_others(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(max_at_once=1, upload_seconds=0.2)) as here:
        for path, kind in (("/v1/frames", "multipart/form-data; boundary=x"), ("/v1/reads", "application/x-ndjson")):
            async with here.client(here.gateway) as client:
                answer = await client.post(path, content=broken_off(), headers={"Content-Type": kind})
            assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
            assert answer.headers["connection"] == "close"
            assert (await here.post_frame()).status_code == 202


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"captured_at": "2026-11-22T18:05:00.001Z"}, "captured_in_future", "captured_at"),
    ({"captured_at": "9999-12-31T23:59:59-12:00"}, "captured_in_future", "captured_at"),
    ({"captured_at": "2026-11-22T18:00:00"}, "invalid_request", "captured_at"),
    ({"captured_at": "0001-01-01T00:00:00+12:00"}, "invalid_request", "captured_at"),
    ({"captured_at": 1795370400}, "invalid_request", "captured_at"),
    ({"captured_at": None}, "invalid_request", "captured_at"),
    ({"frame_id": ""}, "invalid_request", "frame_id"),
    ({"frame_id": "x" * 129}, "invalid_request", "frame_id"),
    ({"frame_id": "a\x00b"}, "invalid_request", "frame_id"),
    ({"camera_id": None}, "invalid_request", "camera_id"),
    ({"heading": 360}, "invalid_request", "heading"),
    ({"heading": -0.5}, "invalid_request", "heading"),
    ({"heading": "12"}, "invalid_request", "heading"),
    ({"position": {"latitude": 90.1, "longitude": 0}}, "invalid_request", "latitude"),
    ({"position": {"latitude": 0, "longitude": -180.5}}, "invalid_request", "longitude"),
    ({"position": {"latitude": 0}}, "invalid_request", "longitude"),
    ({"speed": 30}, "invalid_request", "speed"),
]


async def test_metadata_that_cannot_be_used_are_refused(here: Station) -> None:
    for more, code, names in WRONG:
        answer = await here.post_frame(**more)
        assert (answer.status_code, answer.json()["code"]) == (422, code), more
        assert names in answer.json()["detail"]
    assert await here.kept_nothing()


async def test_a_clock_five_minutes_ahead_is_taken(here: Station) -> None:
    assert (await here.post_frame(captured_at="2026-11-22T18:05:00Z")).status_code == 202


async def test_a_mobile_camera_must_say_where_it_is(here: Station) -> None:
    answer = await here.post_frame(device=here.car)
    assert (answer.status_code, answer.json()["code"]) == (422, "position_missing")
    assert await here.kept_nothing()
    assert (await here.post_frame(device=here.car, position=POMONA)).status_code == 202


STRANGE = b'--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"frame_id": 1}\r\n--x--\r\n'
OTHER_PARTS: list[tuple[dict[str, Any], str]] = [
    ({"data": {"metadata": "{}"}, "files": {"other": b"x"}}, "exactly one part image"),
    ({"files": {"image": b"x"}}, "exactly one part image"),
    ({"data": {"metadata": "{}", "image": "x"}, "files": {"metadata": b"{}"}}, "exactly one part image"),
    ({"files": {"image": b"x"}, "data": {"metadata": "{broken"}}, "metadata"),
    ({"files": {"image": b"x"}, "data": {"metadata": "x" * 20_000}}, "maximum size"),
    ({"json": {"metadata": {}}}, "multipart/form-data"),
    ({"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, "boundary"),
    ({"content": STRANGE, "headers": {"Content-Type": "multipart/form-data; boundary=x; charset=punycode"}}, "charset"),
]


async def test_a_body_of_other_parts_is_refused(here: Station) -> None:
    async with here.client(here.gateway) as client:
        for parts, detail in OTHER_PARTS:
            answer = await client.post("/v1/frames", **parts)
            assert answer.status_code == 422, detail
            assert detail in answer.json()["detail"]
    assert await here.kept_nothing()


async def test_metadata_may_come_as_a_file(here: Station) -> None:
    metadata = json.dumps(here.metadata())
    files = {
        "image": ("frame.jpg", photograph(), "image/jpeg"),
        "metadata": ("metadata.json", metadata.encode(), "application/json"),
    }
    async with here.client(here.gateway) as client:
        assert (await client.post("/v1/frames", files=files)).status_code == 202


@pytest.mark.clause("B1")
async def test_nothing_is_taken_from_an_unknown_device(here: Station) -> None:
    answer = await here.post_frame(who=here.town.device("nobody-registered-me"))
    assert (answer.status_code, answer.json()["code"]) == (401, "device_unknown")
    assert answer.json()["clause"] == "B1"
    assert await here.kept_nothing()
    assert (await here.counts())["refused_device_unknown"] == 1
    await here.town.standing.apps["ingest"].state.strangers.record(here.room)
    [record] = await here.refusals(1)
    assert (record.code, record.clause, record.count) == ("device_unknown", "B1", 1)


@pytest.mark.clause("B1")
async def test_nothing_is_taken_from_a_retired_device(here: Station) -> None:
    assert (await here.post_frame()).status_code == 202
    async with here.administrator() as boss:
        await boss.post(f"/v1/devices/{here.gateway['id']}/retire")
    frames = await here.post_frame(frame_id="000128")
    reads = await here.post_reads(here.read())
    for answer in (frames, reads):
        assert (answer.status_code, answer.json()["code"]) == (401, "device_unknown")
    assert len(await here.frames()) == len(here.objects()) == 1
    assert await here.reads() == []
    assert (await here.counts())["refused_device_unknown"] == 2


async def test_a_device_of_another_agency_is_unknown_here(here: Station) -> None:
    other = AgencyId("galt-pd")
    await here.town.open_agency(other, profile="galt")
    answer = await here.post_frame(who=here.town.device(here.gateway["id"], agency_id=other))
    assert (answer.status_code, answer.json()["code"]) == (401, "device_unknown")
    assert await here.kept_nothing()


@pytest.mark.clause("B1")
async def test_a_camera_of_another_device_is_refused(here: Station) -> None:
    answer = await here.post_frame(camera_id=here.car["cameras"][0]["id"], position=POMONA)
    assert (answer.status_code, answer.json()["code"]) == (403, "camera_not_yours")
    assert await here.kept_nothing()
    [record] = await here.refusals(1)
    assert (record.subject, record.code, record.clause) == (here.gateway["id"], "camera_not_yours", "B1")


@pytest.mark.clause("G2")
async def test_without_a_token_nobody_posts(here: Station) -> None:
    async with here.town.client() as client:
        answer = await client.post("/v1/frames", files={"image": photograph()}, data={"metadata": "{}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    answer = await here.post_frame(who=here.town.person("officer"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert await here.kept_nothing()


async def test_above_the_backlog_frames_must_wait(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(max_backlog=2, retry_after_seconds=7)) as here:
        assert (await here.post_frame(frame_id="1")).status_code == 202
        assert (await here.post_frame(frame_id="2")).status_code == 202
        answer = await here.post_frame(frame_id="3")
        assert (answer.status_code, answer.json()["code"]) == (503, "backlog_full")
        assert answer.headers["retry-after"] == "7"
        assert len(await here.frames()) == len(here.objects()) == 2
        await eventually(lambda: here.room.intake.waiting_frames.waiting == 2)


async def test_recognition_that_caught_up_makes_room(tmp_path: Path) -> None:
    async with station(tmp_path / "var", IngestSettings(max_backlog=1)) as here:
        await here.post_frame(frame_id="1")
        assert (await here.post_frame(frame_id="2")).status_code == 503
        [frame] = await here.frames()
        member = await here.bus.join("recognition", [frame.topic])
        while (batch := await member.poll(10)) is None:
            pass
        await batch.done()
        await here.room.intake.look(here.bus)
        assert (await here.post_frame(frame_id="2")).status_code == 202


async def test_without_the_bus_nothing_is_acknowledged(here: Station) -> None:
    await here.bus.close()
    answer = await here.post_frame()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "retry-after" in answer.headers
    assert (await here.counts())["frames_accepted"] == 0


async def test_without_the_object_store_nothing_is_acknowledged(here: Station) -> None:
    (here.folder / "objects" / AGENCY).write_bytes(b"in the way")
    answer = await here.post_frame()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert await here.frames() == []


async def test_no_frame_waits_for_the_database(here: Station) -> None:
    async with here.room.db.tx() as tx:
        await tx.lock()
        assert (await here.post_frame()).status_code == 202


async def test_the_start_page_counts_what_was_taken(here: Station) -> None:
    await here.post_frame()
    await here.post_frame(b"no picture")
    counts = await here.counts()
    assert (counts["devices"], counts["cameras"], counts["frames_accepted"]) == (2, 2, 1)
    assert counts["refused_image_invalid"] == 1


async def test_pillows_own_limit_stays_as_it_was(here: Station) -> None:
    await here.post_frame(BOMB)
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
