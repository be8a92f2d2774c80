"""Tokens: renewed keys refuse nobody, and what is revoked is worth nothing within seconds (A3, G2)."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from databases import on_both
from httpx_sse import ServerSentEvent, aconnect_sse
from policy.signing_on.station import (
    USE,
    Station,
    carried_on,
    hits,
    signed_on,
)
from standing import eventually
from unit.accounts.house import House, codes
from unit.hotlist.scene import serving

from platekeeper_common.errors import Unauthenticated
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.ids import AgencyId, DeviceId


@pytest.mark.clause("G2")
async def test_keys_are_renewed_without_one_refused_request(here: House, station: Station) -> None:
    here.clock.advance(minutes=1)
    refused: list[str] = []
    asked = 0
    begun = await signed_on(here, "boss")
    kids: set[str] = set()
    for step in range(90):
        if step % 30 == 5:
            await here.room.signing.make()
        here.clock.advance(minutes=3)
        if step % 2:
            begun = await signed_on(here, "boss", device_token=begun["device_token"])
        answer = await here.client(begun["access_token"]).get("/v1/agencies")
        asked += 1
        refused += [answer.json()["code"]] if answer.is_error else []
        kids.add(begun["access_token"].partition(".")[0])
    assert (asked, refused) == (90, [])
    assert len(kids) == 4


@on_both
@pytest.mark.clause("A3")
@pytest.mark.clause("G2")
@pytest.mark.parametrize("who", ["person", "agency", "terminal"])
async def test_what_is_revoked_is_worth_nothing_within_ten_seconds_open_streams_included(
    here: House, station: Station, who: str
) -> None:
    car = await station.terminal("car")
    begun = await signed_on(here, terminal=car)
    doors = {
        "person": f"/v1/accounts/{station.accounts['rivera']}/revoke-tokens",
        "agency": "/v1/agencies/pomona-pd/revoke-tokens",
        "terminal": f"/v1/terminals/{car['id']}/retire",
    }
    async with serving(here) as url, stream(url, begun["access_token"]) as (told, opened):
        await opened.wait()
        here.clock.advance(seconds=1)
        began = time.monotonic()
        assert (await station.boss.post(doors[who])).status_code == 204
        await eventually(lambda: told)
        taken = time.monotonic() - began
    assert (told[0].event, told[0].json()["code"]) == ("error", "token_revoked")
    assert taken < 10
    assert codes([await hits(here, begun), await carried_on(here, begun)]) == ["token_revoked", "session_ended"]
    others = codes([await station.boss.get("/v1/agencies")])
    assert others == ["token_revoked" if who == "agency" else "200"]


@asynccontextmanager
async def stream(url: str, token: str) -> AsyncIterator[tuple[list[ServerSentEvent], asyncio.Event]]:
    """What an open stream of hits tells, and when it is open."""
    told: list[ServerSentEvent] = []
    opened = asyncio.Event()

    async def listen() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client,
            aconnect_sse(client, "GET", "/v1/hits/stream", params=USE, headers=headers) as source,
        ):
            source.response.raise_for_status()
            opened.set()
            async for event in source.aiter_sse():
                told.append(event)  # noqa: PERF401 - others read the list while it grows

    task = asyncio.create_task(listen())
    try:
        yield told, opened
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@on_both
@pytest.mark.clause("A3")
async def test_a_devices_tokens_are_revoked_alone_or_with_the_device(here: House, station: Station) -> None:
    secret = "of a device"
    said = DeviceChanged(
        agency_id=AgencyId("pomona-pd"),
        device_id=DeviceId("device-1"),
        name="Gateway",
        kind="gateway",
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        cameras=(),
    )
    bus, verify = here.standing.foundation.bus, here.standing.foundation.verifier.verify
    await bus.publish([said], source="ingest")

    async def token() -> str:
        body = {"device_id": "device-1", "secret": secret}
        answer = await here.client().post("/v1/device-tokens", json=body)
        return str(answer.json().get("access_token", ""))

    async def refused(given: str) -> bool:
        try:
            await verify(given)
        except Unauthenticated as error:
            return error.code == "token_revoked"
        return False

    first = await eventually(token)
    here.clock.advance(seconds=1)
    strange = await station.boss.post("/v1/device-tokens/device-2/revoke")
    revoked = await station.boss.post("/v1/device-tokens/device-1/revoke")
    assert (strange.json()["code"], revoked.status_code) == ("device_unknown", 204)
    await eventually(lambda: refused(first))
    second = await token()
    assert (await verify(second)).kind == "device"
    here.clock.advance(seconds=1)
    await bus.publish([msgspec.structs.replace(said, retired=True)], source="ingest")
    await eventually(lambda: refused(second))
    assert await token() == ""
