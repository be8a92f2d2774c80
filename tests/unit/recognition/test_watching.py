"""Passes on the real bus: what is kept of them, and frames that come again after a crash, a restart or a rebalance."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from databases import on_both
from PIL import Image, ImageFilter
from standing import AGENCY, eventually, town
from unit.recognition.scene import Street

from platekeeper.demo.street import samples
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.ids import CameraId
from platekeeper_recognition import storage
from platekeeper_recognition.room import PASS_KEPT, RecognitionSettings
from platekeeper_recognition.service import SERVICE

FIRST, SECOND, *_ = samples()


def out_of_focus(image: bytes, radius: float = 3.5) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(image)).filter(ImageFilter.GaussianBlur(radius)).save(file, "JPEG", quality=90)
    return file.getvalue()


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[Street]:
    own = {"recognition": RecognitionSettings(engine="ppocr")}
    async with town(folder, [SERVICE], own=own) as here:
        reads = await here.standing.foundation.bus.join("test", [PlatesRead.topic])
        yield Street(here, folder, reads)
        await reads.leave()


async def read_all(street: Street) -> None:
    bus = street.room.foundation.bus

    async def none_left() -> bool:
        return await bus.backlog("recognition", FrameCaptured.topic) == 0

    await eventually(none_left)


@on_both
async def test_a_pass_becomes_one_read_whose_better_version_comes_when_the_picture_is_better(tmp_path: Path) -> None:
    async with standing(tmp_path) as street:
        begin = street.town.clock() - timedelta(seconds=5)
        images = [out_of_focus(SECOND.image()), SECOND.image(), SECOND.image(), SECOND.image()]
        frames = [
            await street.frame(image, number, at=begin + timedelta(seconds=number / 10))
            for number, image in enumerate(images)
        ]
        await street.publish(*frames)
        first, better = await street.read(2)
        await read_all(street)

        assert (first.plate != SECOND.plate, better.plate) == (True, SECOND.plate)
        assert first.id == better.id == street.room.foundation.ids.derive("read", frames[0].id, 1)
        assert (first.version, first.frames, better.version) == (1, 1, 2)
        assert better.frame_id in {frame.id for frame in frames[1:]}
        assert better.frames is not None
        assert sum(candidate.votes or 0 for candidate in better.candidates) == better.frames
        assert better.image == next(frame.image for frame in frames if frame.id == better.frame_id)
        assert better.crop is not None
        assert len(list((street.folder / "objects").rglob("crop/*"))) == 2

        await street.publish(frames[0], frames[-1])
        assert await street.read(2) == [first, better]
        await read_all(street)
        assert len(street.town.rows("recognition", "SELECT read_id FROM open_pass")) == 1


async def test_a_crash_before_the_bus_has_it_ends_in_the_same_read_and_a_restart_in_the_same_pass(
    tmp_path: Path,
) -> None:
    async with standing(tmp_path / "var") as street:
        frame = await street.frame(FIRST.image(), 1)
        await street.publish(frame)
        (before,) = await street.read(1)
    # As after kill -9 between the commit and the publishing: the pass is kept, and the bus has not heard of it.
    (tmp_path / "var" / "bus.sqlite").unlink()
    async with standing(tmp_path / "var") as street:
        await street.publish(frame)
        assert await street.read(1) == [before]
        await street.publish(await street.frame(FIRST.image(), 2), await street.frame(SECOND.image(), 3))
        (other,) = await street.read(1)
        assert other.plate == SECOND.plate
        await read_all(street)
        assert len(street.town.rows("recognition", "SELECT read_id FROM open_pass")) == 2


async def test_another_camera_has_its_own_read_of_the_same_vehicle(tmp_path: Path) -> None:
    async with standing(tmp_path) as street:
        await street.publish(await street.frame(FIRST.image(), 1), await street.frame(FIRST.image(), 1, "exit"))
        one, other = await street.read(2)
        assert one.plate == other.plate == FIRST.plate
        assert one.id != other.id


@on_both
async def test_of_two_processes_that_count_to_a_pass_the_second_must_look_again(tmp_path: Path) -> None:
    async with standing(tmp_path) as street:
        await street.publish(await street.frame(FIRST.image()))
        await street.read(1)
        now, db = street.town.clock(), street.room.db
        async with db.tx() as tx:
            passes, seen = await storage.passes(tx, [(AGENCY, CameraId("gate"), now - timedelta(minutes=1), now)])
        assert len(passes) == 1
        async with db.tx() as tx:
            await storage.keep_passes(tx, passes, seen, now)
        for known in (seen, {}):
            with pytest.raises(Unavailable):
                async with db.tx() as tx:
                    await storage.keep_passes(tx, passes, known, now)


@pytest.mark.clause("F1")
@on_both
async def test_the_plates_of_a_pass_are_forgotten_soon_after_it(tmp_path: Path) -> None:
    async with standing(tmp_path) as street:
        await street.publish(await street.frame(FIRST.image()))
        await street.read(1)
        for minutes, left in ((PASS_KEPT.seconds / 60 - 1, 1), (2, 0)):
            street.town.clock.advance(minutes=minutes)
            async with street.room.db.tx() as tx:
                await storage.forget_passes(tx, street.town.clock() - PASS_KEPT)
            assert len(street.town.rows("recognition", "SELECT read_id FROM open_pass")) == left
