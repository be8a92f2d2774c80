"""A police station's equipment for the tests of ingest: devices that are registered and send, and what came of it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import httpx
from PIL import Image, ImageDraw
from standing import Town, eventually, town

from platekeeper_common.bus.contract import Bus
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_common.events.recognition import PlateRead, PlatesRead
from platekeeper_ingest.room import IngestRoom, IngestSettings
from platekeeper_ingest.service import SERVICE

POMONA = {"latitude": 34.0551, "longitude": -117.75}
GATE = {"name": "Garey and First, north", "kind": "fixed", "position": POMONA}
ROOF = {"name": "Unit 12, roof left", "kind": "mobile"}


def photograph(kind: str = "JPEG", size: tuple[int, int] = (320, 200), **options: Any) -> bytes:
    """A picture of a plate."""
    image = Image.new("RGB", size, (90, 110, 130))
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((20, 20, size[0] - 20, size[1] - 20), fill=(250, 250, 240), outline=(20, 20, 90), width=4)
    drawing.text((40, 60), "7ABC123", fill=(10, 10, 60))
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def crop(kind: str = "PNG") -> str:
    """A small picture as base64."""
    return base64.b64encode(photograph(kind, (80, 60))).decode()


@dataclass
class Station:
    """The town, with a gateway (one fixed camera) and a patrol car (one mobile camera)."""

    town: Town
    folder: Path
    gateway: dict[str, Any]
    car: dict[str, Any]

    @property
    def room(self) -> IngestRoom:
        """Ingest's own room."""
        return cast(IngestRoom, self.town.standing.rooms["ingest"])

    @property
    def bus(self) -> Bus:
        """What everything is published on."""
        return self.town.standing.foundation.bus

    def administrator(self) -> httpx.AsyncClient:
        """A client of the agency's administrator."""
        return self.town.client(self.town.person("commander", "administrator"))

    def client(self, device: Mapping[str, Any], **more: Any) -> httpx.AsyncClient:
        """A client that holds the device's token."""
        return self.town.client(self.town.device(device["id"], **more))

    def metadata(self, device: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The metadata of a frame captured just now."""
        camera = (device or self.gateway)["cameras"][0]["id"]
        return {"camera_id": camera, "frame_id": "000127", "captured_at": self.town.clock().isoformat(), **more}

    def read(self, device: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """An edge read made just now."""
        camera = (device or self.gateway)["cameras"][0]["id"]
        captured_at = self.town.clock().isoformat()
        read = {"read_id": "8f2c", "camera_id": camera, "plate": "7ABC123", "confidence": 0.93}
        return read | {"captured_at": captured_at} | more

    async def post_frame(
        self, image: bytes | None = None, *, device: Mapping[str, Any] | None = None, who: Any = None, **more: Any
    ) -> httpx.Response:
        """Post a frame as the device (the gateway unless said), `more` overriding its metadata."""
        sender = device or self.gateway
        files = {"image": ("frame.jpg", photograph() if image is None else image, "image/jpeg")}
        metadata = {name: value for name, value in self.metadata(sender, **more).items() if value is not None}
        async with self.town.client(who) if who else self.client(sender) as client:
            return await client.post("/v1/frames", files=files, data={"metadata": json.dumps(metadata)})

    async def post_reads(self, *reads: Any, device: Mapping[str, Any] | None = None) -> httpx.Response:
        """Post the reads as a JSON array."""
        async with self.client(device or self.gateway) as client:
            return await client.post("/v1/reads", json=list(reads))

    async def frames(self) -> list[FrameCaptured]:
        """Every frame on the bus."""
        return [event for event in await published(self.bus, FrameCaptured.topic) if isinstance(event, FrameCaptured)]

    async def chunks(self) -> list[PlatesRead]:
        """Every event of reads on the bus."""
        return [event for event in await published(self.bus, PlatesRead.topic) if isinstance(event, PlatesRead)]

    async def reads(self) -> list[PlateRead]:
        """Every read on the bus."""
        return [read for chunk in await self.chunks() for read in chunk.reads]

    async def refusals(self, count: int) -> list[AccessRecorded]:
        """The records of `count` refusals, once they are on the bus."""

        async def refused() -> list[AccessRecorded] | None:
            said = await published(self.bus, AccessRecorded.topic)
            found = [event for event in said if isinstance(event, AccessRecorded) and event.outcome == "refused"]
            return found if len(found) >= count else None

        found: list[AccessRecorded] = await eventually(refused)
        return found

    def objects(self) -> list[Path]:
        """The files of the object store."""
        return [path for path in (self.folder / "objects").rglob("*") if path.is_file()]

    async def counts(self) -> dict[str, int]:
        """What the start page shows of ingest."""
        async with self.town.client() as client:
            counts: dict[str, int] = (await client.get("/health/ingest")).json()["counts"]
            return counts

    async def kept_nothing(self) -> bool:
        """Whether no frame, no read and no picture is anywhere."""
        return not self.objects() and not await self.frames() and not await self.reads()


async def published(bus: Bus, topic: Topic) -> Sequence[Event]:
    """Every event that lies on the topic."""
    events: list[Event] = []
    all_there = asyncio.Event()

    async def keep(event: Event) -> None:
        events.append(event)

    async with asyncio.TaskGroup() as group:
        following = group.create_task(bus.follow(topic, keep, all_there.set))
        await all_there.wait()
        following.cancel()
    return events


@asynccontextmanager
async def station(folder: Path, settings: IngestSettings | None = None, **more: Any) -> AsyncIterator[Station]:
    """The station standing over `folder`. `more` goes to Settings."""
    own = {"ingest": settings} if settings else None
    async with town(folder, (SERVICE,), own=own, **more) as here:
        opened = Station(here, folder, {}, {})
        async with opened.administrator() as boss:
            body: dict[str, Any] = {"name": "Gateway", "kind": "gateway", "cameras": [GATE]}
            opened.gateway = (await boss.post("/v1/devices", json=body)).raise_for_status().json()
            body = {"name": "Unit 12", "kind": "patrol_car", "cameras": [ROOF]}
            opened.car = (await boss.post("/v1/devices", json=body)).raise_for_status().json()
        yield opened
