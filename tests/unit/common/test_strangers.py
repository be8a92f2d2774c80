"""Refusals of callers whom nobody knows are counted per source and recorded together."""

import asyncio
from contextlib import suppress

import httpx
import pytest
from sqlalchemy import text
from standing import Town, eventually
from unit.common.kiosk.service import Kiosk

from platekeeper_common import strangers
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.ids import PLATFORM
from platekeeper_common.strangers import Strangers

NOTES = "/v1/kiosk/notes"


async def knock(here: Town, address: str, times: int, **headers: str) -> None:
    transport = httpx.ASGITransport(app=here.standing.app, client=(address, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://platekeeper", headers=headers) as client:
        for _ in range(times):
            assert (await client.get(NOTES)).status_code == 401


async def recorded(kiosk: Kiosk, count: int) -> dict[tuple[str, str | None], int]:
    await eventually(lambda: len(kiosk.heard) >= count)
    return {(record.subject, record.code): record.count for record in kiosk.heard}


def counted(here: Town) -> Strangers:
    found: Strangers = here.standing.apps["kiosk"].state.strangers
    return found


@pytest.mark.clause("G2")
async def test_refusals_are_counted_per_source_and_reason_and_recorded_once(here: Town, kiosk: Kiosk) -> None:
    token = here.token(here.person())
    await knock(here, "203.0.113.1", 5)
    await knock(here, "203.0.113.1", 2, Authorization="Bearer nonsense")
    await knock(here, "203.0.113.2", 1)
    here.clock.advance(minutes=11)
    await knock(here, "203.0.113.2", 3, Authorization=f"Bearer {token}")
    assert kiosk.heard == []
    await counted(here).record(kiosk)
    assert await recorded(kiosk, 4) == {
        ("source:203.0.113.1", "token_missing"): 5,
        ("source:203.0.113.1", "token_invalid"): 2,
        ("source:203.0.113.2", "token_missing"): 1,
        ("source:203.0.113.2", "token_expired"): 3,
    }
    assert {(record.agency_id, record.clause) for record in kiosk.heard} == {(PLATFORM, "G2")}
    assert sorted(record.number for record in kiosk.heard) == [1, 2, 3, 4]
    await counted(here).record(kiosk)
    assert await still(kiosk) == 4


async def still(kiosk: Kiosk) -> int:
    async def sent() -> bool:
        return await kiosk.foundation.bus.backlog("kiosk", AccessRecorded.topic) == 0

    await eventually(sent)
    return len(kiosk.heard)


async def test_a_count_that_cannot_be_written_is_kept(here: Town, kiosk: Kiosk) -> None:
    await knock(here, "203.0.113.1", 2)
    async with kiosk.db.tx() as tx:
        await tx.write(text("ALTER TABLE access_number RENAME TO hidden"))
    await counted(here).record(kiosk)
    await knock(here, "203.0.113.1", 1)
    async with kiosk.db.tx() as tx:
        await tx.write(text("ALTER TABLE hidden RENAME TO access_number"))
    await counted(here).record(kiosk)
    assert await recorded(kiosk, 1) == {("source:203.0.113.1", "token_missing"): 3}


async def test_the_last_minute_is_recorded_when_the_service_stops(kiosk: Kiosk) -> None:
    last = Strangers()
    running = asyncio.create_task(last.run(kiosk))
    await asyncio.sleep(0)
    last.count("203.0.113.1", "token_missing", "G2")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert await recorded(kiosk, 1) == {("source:203.0.113.1", "token_missing"): 1}


async def test_a_flood_of_sources_is_counted_together(kiosk: Kiosk) -> None:
    flood = Strangers()
    for number in range(strangers.MAX_SOURCES + 50):
        flood.count(f"source-{number}", "token_missing", "G2")
        flood.count("source-0", "token_missing", "G2")
    await flood.record(kiosk)
    found = await recorded(kiosk, strangers.MAX_SOURCES + 1)
    assert len(found) == strangers.MAX_SOURCES + 1
    assert found["source:others", "token_missing"] == 50
    assert found["source:source-0", "token_missing"] == strangers.MAX_SOURCES + 51
