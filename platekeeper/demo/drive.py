"""The demonstration client: posts the sample frames as the gateway, and shows as the trained officer what comes."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from httpx_sse import EventSource, aconnect_sse

from platekeeper.client import ApiError, Session, device, person
from platekeeper.demo.load import USE
from platekeeper.demo.logins import Logins
from platekeeper.demo.street import Sample

READ_SECONDS = 30.0
POLL_SECONDS = 0.2
Say = Callable[[str], None]


async def drive(http: httpx.AsyncClient, logins: Logins, samples: Sequence[Sample], say: Say) -> None:
    """Post every sample once and say each read and each hit as it arrives; return when all have arrived.

    Then hits are still said until the officer's stream is closed with the task.
    """
    started = datetime.now(UTC)
    officer = person(http, "demo-officer", logins.person("demo-officer").password)
    await officer.log_in()
    opened = asyncio.Event()
    hits = asyncio.create_task(_say_hits(http, officer, opened, say))
    try:
        await asyncio.wait_for(opened.wait(), READ_SECONDS)
        posting = asyncio.create_task(_post(http, logins, samples))
        for sample in samples:
            await _say_read(officer, sample, started, say)
        await posting
        await asyncio.sleep(1.0)
    finally:
        hits.cancel()
        await asyncio.gather(hits, return_exceptions=True)


async def _post(http: httpx.AsyncClient, logins: Logins, samples: Sequence[Sample]) -> None:
    gateway = device(http, logins.device_id, logins.device_secret)
    for number, sample in enumerate(samples):
        metadata = {
            "camera_id": logins.cameras[sample.camera],
            "frame_id": f"demo-{number}",
            "captured_at": datetime.now(UTC).isoformat(),
            "position": {"latitude": 34.0551, "longitude": -117.75 + number / 1000},
            "heading": 90.0,
        }
        files = {"image": (sample.file, sample.image(), "image/jpeg")}
        await gateway.request("POST", "/v1/frames", data={"metadata": json.dumps(metadata)}, files=files)


async def _say_read(officer: Session, sample: Sample, started: datetime, say: Say) -> None:
    """Search for the sample's plate until it is stored, as an officer would who waits for it."""
    query = {"plate": sample.plate, "from": started.isoformat(), **USE}
    deadline = asyncio.get_running_loop().time() + READ_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        reads = (await officer.post("/v1/searches", query))["reads"]
        if reads:
            read = reads[0]
            say(f"read  {read['plate']:<8}  confidence {read['confidence']:.2f}  {sample.light:<5}  {_time(read)}")
            return
        await asyncio.sleep(POLL_SECONDS)
    say(f"      {sample.plate:<8}  was not read within {READ_SECONDS:.0f} s")


async def _say_hits(http: httpx.AsyncClient, officer: Session, opened: asyncio.Event, say: Say) -> None:
    headers = await officer.headers()
    async with aconnect_sse(http, "GET", "/v1/hits/stream", params=USE, headers=headers, timeout=None) as source:
        _check(source)
        opened.set()
        async for event in source.aiter_sse():
            if event.event in ("hit", "late_hit", "partial_hit"):
                say(_hit(event.json()))
            elif event.event == "hit_revised":
                say(_revised(event.json()))


def _check(source: EventSource) -> None:
    if source.response.is_error:
        raise ApiError(source.response.status_code, "stream_refused", "the stream of hits was refused")


def _hit(hit: dict[str, Any]) -> str:
    read, entry = hit["read"], hit["entry"]
    kind = "exact" if hit["kind"] == "exact" else f"{hit['kind'].replace('_', '-')} of {entry['plate']}"
    what = f"{entry['category'].replace('_', ' ')}: {entry['reason']}"
    word = "MAYBE" if hit["kind"] == "partial" else "HIT"
    return f"{word:<6}{read['plate']:<8}  {what}  ({kind}, score {hit['score']:.2f})"


def _revised(hit: dict[str, Any]) -> str:
    said = hit["revised"]
    word = "HIT" if said["kind"] else "NONE"
    return f"{word:<6}{said['plate']:<8}  a better frame of what was read as {hit['read']['plate']}"


def _time(read: dict[str, Any]) -> str:
    return datetime.fromisoformat(read["captured_at"]).astimezone().strftime("%H:%M:%S")
