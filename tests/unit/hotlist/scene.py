"""What hotlist's tests work with: reads on the bus, lists by HTTP, streams over a socket, access records."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import uvicorn
from httpx_sse import ServerSentEvent, aconnect_sse
from standing import AGENCY, Town, eventually

from platekeeper import runtime
from platekeeper_common import ids
from platekeeper_common.access import unseal
from platekeeper_common.caller import Caller
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import Candidate, Model, PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, ReadId

USE = {"purpose": "stolen_vehicle", "matter_type": "patrol"}
OTHER = AgencyId("galt-pd")
CAMERA = CameraId("camera-1")


def seen(here: Town, plate: str, **more: Any) -> PlateRead:
    """A read of this moment, received at once, a live alert for five minutes."""
    now = here.clock()
    return PlateRead(
        **{
            "id": ReadId(ids.new()),
            "agency_id": AGENCY,
            "camera_id": CAMERA,
            "device_id": DeviceId("gateway-1"),
            "plate": plate,
            "confidence": 0.9,
            "captured_at": now,
            "received_at": now,
            "live_until": now + timedelta(minutes=5),
            "source": "recognition",
            "model": Model(name="test", version="1"),
            "candidates": (Candidate(plate=plate, confidence=0.9),),
            "image": ImageReference(f"{AGENCY}/2026-11-22/image/frame", "0" * 64, "image/jpeg"),
            **more,
        }
    )


async def publish(here: Town, *reads: PlateRead) -> None:
    """Say the reads on the bus, each as its own event."""
    events = [PlatesRead(agency_id=read.agency_id, camera_id=read.camera_id, reads=(read,)) for read in reads]
    await here.standing.foundation.bus.publish(events, source="recognition")


async def handled(here: Town) -> None:
    """Return when every read on the bus has been matched."""
    bus = here.standing.foundation.bus

    async def none_left() -> bool:
        return await bus.backlog("hotlist", PlatesRead.topic) == 0

    await eventually(none_left)


async def open_list(here: Town, who: Caller, name: str = "Stolen", **more: Any) -> str:
    """A new list of the person's agency; its id."""
    async with here.client(who) as client:
        answer = await client.post("/v1/hotlists", json={"name": name, "source": "dept", **USE, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def list_plate(here: Town, who: Caller, list_id: str, plate: str, **more: Any) -> str:
    """A new entry; its id."""
    body = {"plate": plate, "category": "stolen_vehicle", "reason": "Taken last night", **USE, **more}
    async with here.client(who) as client:
        answer = await client.post(f"/v1/hotlists/{list_id}/entries", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def hits(here: Town, who: Caller) -> list[dict[str, Any]]:
    """The agency's hits, newest first."""
    async with here.client(who) as client:
        answer = await client.get("/v1/hits", params=USE)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found


@asynccontextmanager
async def following(here: Town, topic: Topic) -> AsyncIterator[list[Event]]:
    """Every event of the topic, from its start, as it comes."""
    events: list[Event] = []
    caught_up = asyncio.Event()

    async def keep(event: Event) -> None:
        events.append(event)

    task = asyncio.create_task(here.standing.foundation.bus.follow(topic, keep, caught_up.set))
    try:
        async with asyncio.timeout(5):
            await caught_up.wait()
        yield events
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def raised(here: Town, count: int) -> list[HitRaised]:
    """The first hits on the bus, at least so many; all reads are matched."""
    await handled(here)
    async with following(here, HitRaised.topic) as events:
        await eventually(lambda: len(events) >= count)
        return [event for event in events if isinstance(event, HitRaised)]


async def records(here: Town, true: Callable[[list[AccessRecorded]], bool]) -> list[AccessRecorded]:
    """The access records on the bus in their order, once `true` of them."""
    async with following(here, AccessRecorded.topic) as events:

        def numbered() -> list[AccessRecorded]:
            found = (event for event in events if isinstance(event, AccessRecorded))
            return sorted(found, key=lambda record: record.number)

        await eventually(lambda: true(numbered()))
        return numbered()


async def query(here: Town, record: AccessRecorded) -> dict[str, Any]:
    """The query elements of a record."""
    assert record.query is not None
    found: dict[str, Any] = json.loads(await unseal(here.standing.foundation.keys, record.id, record.query))
    return found


async def behind_its_back(here: Town, script: str) -> None:
    """Change hotlist's own database from outside."""
    await here.run_sql("hotlist", script)


def committed_records(here: Town) -> int:
    """How many access records hotlist has committed so far."""
    return int(here.rows("hotlist", "SELECT last FROM access_number")[0][0])


class Stands(Protocol):
    """Whatever holds standing services."""

    standing: runtime.Standing


@asynccontextmanager
async def serving(here: Stands) -> AsyncIterator[str]:
    """The services behind a real socket; their URL."""
    config = uvicorn.Config(here.standing.app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@dataclass
class Ears:
    """What one listener has heard on the stream of hits."""

    events: list[ServerSentEvent] = field(default_factory=list)
    ended: bool = False

    async def hear(self, count: int) -> list[ServerSentEvent]:
        """The events, once there are so many."""
        await eventually(lambda: len(self.events) >= count)
        return self.events


@asynccontextmanager
async def listening(here: Town, url: str, who: Caller, last_event_id: str | None = None) -> AsyncIterator[Ears]:
    """A stream of hits that is open; it is closed at the end."""
    headers = {"Authorization": f"Bearer {here.token(who)}"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    ears, opened = Ears(), asyncio.Event()

    async def listen() -> None:
        async with (
            httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client,
            aconnect_sse(client, "GET", "/v1/hits/stream", params=USE, headers=headers) as source,
        ):
            source.response.raise_for_status()
            opened.set()
            async for event in source.aiter_sse():
                # Behind an event with an id, httpx-sse makes an empty one of each keep-alive.
                if event.data:
                    ears.events.append(event)
        ears.ended = True

    task = asyncio.create_task(listen())
    waiting = asyncio.create_task(opened.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield ears
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


def database_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"
