"""From `frame.captured` to `plates.read` on the real bus, with the default engine and a real folder of objects."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from standing import AGENCY, eventually, town
from unit.recognition.scene import Street

from platekeeper.demo.street import samples
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.objects import Objects
from platekeeper_recognition import handlers
from platekeeper_recognition.room import RecognitionSettings
from platekeeper_recognition.service import SERVICE

FIRST, SECOND, *_ = samples()


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with town(tmp_path, [SERVICE]) as here:
        reads = await here.standing.foundation.bus.join("test", [PlatesRead.topic])
        yield Street(here, tmp_path, reads)
        await reads.leave()


def blank() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 200), (120, 120, 120)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.clause("J1")
async def test_a_frame_becomes_a_read_with_everything_that_is_known(street: Street) -> None:
    frame = await street.frame(FIRST.image())
    await street.publish(frame)
    (read,) = await street.read(1)

    assert read.plate == FIRST.plate
    assert read.id == street.room.foundation.ids.derive("read", frame.id, 1)
    assert read.candidates[0].plate == read.plate
    assert read.candidates[0].confidence == read.confidence > 0.8
    assert len(read.candidates) <= 10
    assert (read.model.name, len(read.model.checksum)) == ("onnx", 64)
    assert read.box is not None
    assert (read.source, read.version, read.frame_id, read.image) == ("recognition", 1, frame.id, frame.image)
    for name in ("agency_id", "camera_id", "device_id", "captured_at", "received_at", "live_until", "position"):
        assert getattr(read, name) == getattr(frame, name)
    assert (read.heading, read.lane) == (90.0, "2")

    assert read.crop is not None
    assert read.crop.path.startswith(f"{AGENCY}/{frame.received_at.date()}/crop/{read.id}")
    crop = await street.room.foundation.objects.get(read.crop)
    assert Image.open(io.BytesIO(crop)).width > read.box.width
    assert read.crop_box is not None
    assert Image.open(io.BytesIO(crop)).size == (read.crop_box.width, read.crop_box.height)
    assert read.crop_box.x < read.box.x < read.box.x + read.box.width < read.crop_box.x + read.crop_box.width
    stored = (street.folder / "objects" / read.crop.path).read_bytes()
    assert crop[:64] not in stored


@pytest.mark.clause("J1")
async def test_our_own_models_name_themselves_and_call_the_region_a_guess(tmp_path: Path) -> None:
    own = {"recognition": RecognitionSettings(engine="onnx", least_confidence=0)}
    async with town(tmp_path, [SERVICE], own=own) as here:
        member = await here.standing.foundation.bus.join("test", [PlatesRead.topic])
        street = Street(here, tmp_path, member)
        await street.publish(*[await street.frame(sample.image(), number) for number, sample in enumerate(samples())])
        reads = await street.read(len(samples()))
        await member.leave()

    for read in reads:
        assert (read.model.name, len(read.model.checksum)) == ("onnx", 64)
        assert (read.country is None) == (read.region_confidence is None)
        assert read.state is None or read.country == "US"
        assert read.stated is None
    assert any(read.country for read in reads)


async def test_a_frame_that_comes_twice_ends_in_the_same_read_and_crop(street: Street) -> None:
    frame = await street.frame(FIRST.image())
    await street.publish(frame)
    (once,) = await street.read(1)
    await street.publish(frame)
    (again,) = await street.read(1)

    assert again == once
    assert len(list((street.folder / "objects" / AGENCY).glob("*/crop/*"))) == 1


async def test_bad_frames_go_to_the_dead_letters_and_their_neighbours_are_read(street: Street) -> None:
    frames = [
        await street.frame(FIRST.image(), 1),
        await street.frame(b"no picture at all", 2),
        await street.frame(FIRST.image()[:60_000], 3),
        await street.frame(SECOND.image(), 4),
        await street.frame(blank(), 5),
    ]
    await street.publish(*frames)

    assert [read.plate for read in await street.read(2)] == [FIRST.plate, SECOND.plate]
    reasons = await eventually(lambda: _enough(street, 2))
    assert sorted(reason.split(":")[0] for reason in reasons) == ["image_damaged", "not_an_image"]
    await eventually(lambda: street.room.tally.frames >= 3)
    counts = {"frames_read": 3, "plates_read": 2, "better_versions": 0, "frames_without_plate": 1}
    assert await SERVICE.counts(street.room) == counts


async def test_frames_beside_bad_ones_are_looked_at_and_counted_once(street: Street) -> None:
    images = [blank()] * 6 + [FIRST.image()] + [b"no picture at all"] * 3
    frames = [await street.frame(image, number) for number, image in enumerate(images)]
    await street.publish(*frames)
    assert len(await eventually(lambda: _enough(street, 3))) == 3
    await eventually(lambda: street.room.tally.frames == 7)

    counts = {"frames_read": 7, "plates_read": 1, "better_versions": 0, "frames_without_plate": 6}
    assert await SERVICE.counts(street.room) == counts
    looked_at = street.room.foundation.meters.registry.get_sample_value
    assert looked_at("platekeeper_recognition_frame_duration_seconds_count", {"service": "recognition"}) == 7


async def test_a_camera_whose_clock_says_the_year_1_is_read(street: Street) -> None:
    began = datetime.min.replace(tzinfo=UTC)
    await street.publish(await street.frame(FIRST.image(), at=began))
    (read,) = await street.read(1)
    assert (read.plate, read.captured_at) == (FIRST.plate, began)


async def test_a_destroyed_or_altered_picture_is_a_dead_letter(street: Street) -> None:
    destroyed, altered = await street.frame(FIRST.image(), 1), await street.frame(SECOND.image(), 2)
    (street.folder / "objects" / destroyed.image.path).unlink()
    path = street.folder / "objects" / altered.image.path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    await street.publish(destroyed, altered)

    reasons = await eventually(lambda: _enough(street, 2))
    assert sorted(reason.split(":")[0] for reason in reasons) == ["image_altered", "image_destroyed"]


async def test_while_the_object_store_is_away_frames_wait_and_none_is_lost(street: Street) -> None:
    frame = await street.frame(FIRST.image())
    in_the_way = (street.folder / "objects" / frame.image.path).parents[1] / "crop"
    in_the_way.write_text("where the folder of crops should be")
    await street.publish(frame)
    await eventually(lambda: any("handle: Unavailable" in trouble for trouble in street.town.standing.trouble()), 30)
    in_the_way.unlink()

    (read,) = await street.read(1)
    assert read.plate == FIRST.plate
    assert await street.letters() == []


async def test_each_camera_has_events_of_its_own_in_its_order(street: Street) -> None:
    frames = [
        await street.frame(FIRST.image(), 1, "north"),
        await street.frame(SECOND.image(), 1, "south"),
        await street.frame(SECOND.image(), 2, "north"),
    ]
    await street.publish(*frames)
    reads = await street.read(3)

    assert [read.plate for read in reads if read.camera_id == "north"] == [FIRST.plate, SECOND.plate]
    assert [read.plate for read in reads if read.camera_id == "south"] == [SECOND.plate]


class TakesFour(Objects):
    """Keeps everybody waiting until four ask for a picture, or four bring a crop, at the same time."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._readers, self._writers = asyncio.Barrier(4), asyncio.Barrier(4)
        self.got = 0

    async def get(self, reference: ImageReference) -> bytes:
        await self._readers.wait()
        self.got += 1
        return await self._objects.get(reference)

    async def put(self, data: bytes, **about: Any) -> ImageReference:
        await self._writers.wait()
        return await self._objects.put(data, **about)


async def test_a_batch_s_pictures_come_side_by_side_and_the_next_ones_while_it_is_read(street: Street) -> None:
    frames = [await street.frame(FIRST.image(), number, f"camera-{number}") for number in range(8)]
    room, go_on = street.room, threading.Event()
    objects = TakesFour(room.foundation.objects)
    room.foundation = replace(room.foundation, objects=objects)
    busy = asyncio.create_task(room.desk.work(lambda _engine: go_on.wait(20)))
    reading = asyncio.create_task(handlers.read_frames(room, frames))
    try:
        await eventually(lambda: objects.got == 8)
    finally:
        go_on.set()
    await asyncio.wait_for(reading, 20)
    assert await busy
    assert len(await street.read(8)) == 8


async def _enough(street: Street, count: int) -> list[str] | None:
    reasons = await street.letters()
    return reasons if len(reasons) == count else None
