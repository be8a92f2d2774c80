"""A camera that posts ten frames a second, from its door to the officer: one read a pass, one hit."""

import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw
from standing import Town, eventually, town
from unit.hotlist.scene import list_plate, listening, open_list, serving

from platekeeper.demo.street import samples
from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_hotlist.room import HotlistSettings
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_ingest.service import SERVICE as INGEST
from platekeeper_recognition.room import RecognitionSettings
from platekeeper_recognition.service import SERVICE as RECOGNITION
from platekeeper_retention.service import SERVICE as RETENTION

FIRST, SECOND, *_ = samples()
PLACE = {"latitude": 34.0551, "longitude": -117.75}
SEARCH = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-001234"}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    own = {"recognition": RecognitionSettings(engine="ppocr"), "hotlist": HotlistSettings(keep_alive=0.1)}
    async with town(tmp_path / "var", (INGEST, RECOGNITION, HOTLIST, RETENTION), own=own) as standing:
        yield standing


async def gateway(here: Town) -> dict[str, Any]:
    """A gateway with two fixed cameras."""
    cameras = [{"name": name, "kind": "fixed", "position": PLACE} for name in ("Gate", "Exit")]
    async with here.client(here.person("boss", "administrator")) as client:
        body = {"name": "Gateway", "kind": "gateway", "cameras": cameras}
        answer = await client.post("/v1/devices", json=body)
    registered: dict[str, Any] = answer.raise_for_status().json()
    return registered


FIRST_SIGN = (402, 378, 422, 422)
"""Left, top, right and bottom of the first character of the second sample's plate, in pixels."""


def street(*, shift: int = 0, hidden: bool = False, both: bool = False) -> bytes:
    """The second sample's car some pixels on; `hidden`: without its first sign; `both`: beside the first's."""
    picture = Image.open(io.BytesIO(SECOND.image()))
    if hidden:
        ImageDraw.Draw(picture).rectangle(FIRST_SIGN, fill=(244, 244, 240))
    moved = picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, -shift, 0, 1, 0))
    if both:
        halves = Image.new("RGB", picture.size)
        halves.paste(Image.open(io.BytesIO(FIRST.image())).crop((300, 0, 780, 540)), (0, 0))
        halves.paste(moved.crop((225, 0, 705, 540)), (480, 0))
        moved = halves
    file = io.BytesIO()
    moved.save(file, "JPEG", quality=90)
    return file.getvalue()


class Camera:
    """Posts frames through the public door."""

    def __init__(self, here: Town, device: dict[str, Any], number: int) -> None:
        self.here, self.device, self.number, self.frames = here, device, number, 0

    async def posts(self, client: httpx.AsyncClient, image: bytes, at: datetime, frame_id: str | None = None) -> None:
        self.frames += 1
        metadata = {
            "camera_id": self.device["cameras"][self.number]["id"],
            "frame_id": frame_id or f"frame-{self.frames}",
            "captured_at": at.isoformat(),
        }
        files = {"image": ("frame.jpg", image, "image/jpeg")}
        answer = await client.post("/v1/frames", files=files, data={"metadata": json.dumps(metadata)})
        assert answer.status_code == 202, answer.text


async def settled(here: Town) -> None:
    """Return when all frames and reads are handled."""
    bus = here.standing.foundation.bus

    async def none_left() -> bool:
        waiting = [await bus.backlog("recognition", FrameCaptured.topic)]
        waiting += [await bus.backlog(group, PlatesRead.topic) for group in ("hotlist", "retention")]
        return not any(waiting)

    await eventually(none_left, 60)


async def found(here: Town) -> list[dict[str, Any]]:
    """All reads of the street, as an officer finds them."""
    now = here.clock()
    body = {"area": {"circle": {"centre": PLACE, "radius": 100}}, "pattern": "*T*", **SEARCH}
    body |= {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
    async with here.client(here.person()) as client:
        answer = await client.post("/v1/searches", json=body)
    assert answer.status_code == 201, answer.text
    reads: list[dict[str, Any]] = answer.json()["reads"]
    return reads


@pytest.mark.clause("J1")
async def test_a_pass_at_ten_frames_a_second_is_one_read_and_one_hit(here: Town) -> None:
    device, who = await gateway(here), here.person("ines", "investigator")
    await list_plate(here, who, await open_list(here, who), SECOND.plate)
    gate, begin = Camera(here, device, 0), here.clock() - timedelta(seconds=5)
    async with (
        serving(here) as url,
        listening(here, url, here.person()) as ears,
        here.client(here.device(device["id"])) as client,
    ):
        for tenth in range(6):
            image = street(shift=6 * tenth, hidden=tenth == 0)
            await gate.posts(client, image, begin + timedelta(seconds=tenth / 10))
        await gate.posts(client, image, begin + timedelta(seconds=tenth / 10), f"frame-{gate.frames}")
        await settled(here)
        [read] = await found(here)
        [hit] = await ears.hear(1)

        versions = here.rows("retention", "SELECT id, version, plate, frames FROM plate_read ORDER BY version")
        assert {read_id for read_id, *_ in versions} == {read["id"]}
        assert 2 <= len(versions) <= 4
        assert versions[0][2] != SECOND.plate
        assert (read["plate"], read["version"], read["frames"]) == (SECOND.plate, len(versions), versions[-1][3])
        assert sum(candidate["votes"] for candidate in read["candidates"]) == read["frames"]
        assert (hit.event, hit.json()["read"]["id"], hit.json()["kind"]) == ("hit", read["id"], "exact")
        assert hit.json()["sightings"] == 1
        counts = await RECOGNITION.counts(here.standing.rooms["recognition"])
        assert counts["plates_read"] == 1


async def test_two_cars_two_cameras_and_a_car_that_comes_back_are_reads_of_their_own(here: Town) -> None:
    device, begin = await gateway(here), here.clock() - timedelta(minutes=3)
    gate, way_out = Camera(here, device, 0), Camera(here, device, 1)
    async with here.client(here.device(device["id"])) as client:
        for tenth in range(2):
            await gate.posts(client, street(both=True, shift=tenth), begin + timedelta(seconds=tenth / 10))
        await way_out.posts(client, street(), begin + timedelta(seconds=1))
        await gate.posts(client, street(), begin + timedelta(minutes=1))
    await settled(here)
    reads = here.rows("retention", "SELECT DISTINCT id, plate, camera_id FROM plate_read")
    cameras = [camera["id"] for camera in device["cameras"]]
    assert sorted((plate, cameras.index(camera)) for _, plate, camera in reads) == sorted(
        [(FIRST.plate, 0), (SECOND.plate, 0), (SECOND.plate, 1), (SECOND.plate, 0)]
    )
