"""A street for the tests of recognition: frames as ingest would keep them, and what is published of them."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from standing import AGENCY, Town

from platekeeper_common import dead_letters
from platekeeper_common.bus.contract import Member
from platekeeper_common.events import catalogue
from platekeeper_common.events.ingest import FrameCaptured, Position
from platekeeper_common.events.recognition import PlateRead, PlatesRead
from platekeeper_common.ids import CameraId, DeviceId, FrameId
from platekeeper_recognition.room import RecognitionRoom


@dataclass
class Street:
    """The town with recognition alone, and what it publishes."""

    town: Town
    folder: Path
    reads: Member

    @property
    def room(self) -> RecognitionRoom:
        room = self.town.standing.rooms["recognition"]
        assert isinstance(room, RecognitionRoom)
        return room

    async def frame(
        self, image: bytes, number: int = 1, camera: str = "gate", *, at: datetime | None = None, **more: Any
    ) -> FrameCaptured:
        """A frame as ingest would keep it, captured two seconds ago unless said otherwise."""
        now = self.town.clock()
        reference = await self.room.foundation.objects.put(
            image,
            agency_id=AGENCY,
            received_on=now.date(),
            kind="image",
            name=f"{camera}-{number}",
            media_type="image/jpeg",
        )
        return FrameCaptured(
            agency_id=AGENCY,
            id=FrameId(f"frame-{camera}-{number}"),
            device_id=DeviceId("gateway"),
            camera_id=CameraId(camera),
            device_frame_id=str(number),
            captured_at=at or now - timedelta(seconds=2),
            received_at=now,
            live_until=now + timedelta(minutes=5),
            image=reference,
            position=Position(34.0551, -117.75),
            heading=90.0,
            lane="2",
            **more,
        )

    async def publish(self, *frames: FrameCaptured) -> None:
        await self.room.foundation.bus.publish(frames, source="ingest")

    async def read(self, count: int) -> list[PlateRead]:
        """The next `count` reads that were published."""
        found: list[PlateRead] = []
        async with asyncio.timeout(30):
            while len(found) < count:
                if (batch := await self.reads.poll(100)) is not None:
                    for record in batch.records:
                        event = catalogue.decode(record.value)
                        assert isinstance(event, PlatesRead)
                        found += event.reads
                    await batch.done()
        return found

    async def letters(self) -> list[str]:
        """The reasons of the dead letters."""
        async with self.room.db.tx() as tx:
            return [row.reason for row in await dead_letters.find(tx)]
