"""What somebody must look at: a gap in a producer's numbers, and records that come late."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from places import bucket
from prometheus_client.parser import text_string_to_metric_families
from standing import Town, eventually, town
from unit.ledger.proofs import signed
from unit.ledger.samples import looked_up, searched, send

from platekeeper import metrics
from platekeeper_access_audit.ledger.consumers import keep_records
from platekeeper_access_audit.ledger.room import LedgerRoom, LedgerSettings
from platekeeper_access_audit.ledger.sequencer import compare_with_archive
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common import ids
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.catalogue import decode
from platekeeper_retention.service import SERVICE as RETENTION


async def alarms(here: Town) -> set[str]:
    """The kinds that /metrics tells of now."""
    transport = httpx.ASGITransport(app=metrics.door(here.standing))
    async with httpx.AsyncClient(transport=transport, base_url="http://operators") as client:
        text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {one.labels["kind"] for one in samples if one.name == "platekeeper_ledger_alarm" and one.value}


async def health(here: Town) -> dict[str, Any]:
    async with here.client() as client:
        document: dict[str, Any] = (await client.get("/health/ledger")).json()
    assert document["ready"], "an alarm stops nothing"
    counts: dict[str, Any] = document["counts"]
    return counts


@pytest.mark.clause("G3")
async def test_a_gap_in_a_producers_numbers_is_an_alarm_until_it_is_filled(here: Town) -> None:
    first, second, third = (looked_up(id=ids.new(), number=number, at=here.clock()) for number in (1, 2, 3))
    await send(here, first, third)
    assert await alarms(here) == {"gap"}
    assert ((await health(here))["alarms"], (await health(here))["producers_with_gaps"]) == (1, 1)
    await send(here, second)
    assert await alarms(here) == set()
    assert (await health(here))["alarms"] == 0


@pytest.mark.clause("G3")
async def test_a_record_that_waits_or_comes_late_by_more_than_a_minute_is_an_alarm(here: Town) -> None:
    record = await searched(here, 1)
    here.clock.advance(seconds=59)
    await send(here, record)
    assert await alarms(here) == set()
    late = await searched(here, 2)
    here.clock.advance(seconds=61)
    await send(here, late)
    assert await alarms(here) == {"lag"}
    assert (await health(here))["lag_seconds"] == 61
    await here.let_pass(minutes=6)
    await eventually(lambda: here.standing.foundation.checkpoints.signed_at == here.clock())
    assert await alarms(here) == set()
    for part in here.standing.parts["ledger"]:
        if part.name == "consume ledger":
            await part.stop()
    await here.standing.foundation.bus.publish([await searched(here, 3)], source="retention")
    here.clock.advance(seconds=90)
    assert await alarms(here) == {"lag"}


@pytest.mark.clause("B8")
async def test_no_plate_data_while_the_ledger_takes_no_records(tmp_path: Path) -> None:
    """Its checkpoints stay fresh and every record has left its service: they say that records wait all the same."""
    assert [one.group for one in LEDGER.consumes] == [AccessRecorded.topic.kept_for]
    asked = {"plate": "7KXQ042", "purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-001234"}
    async with town(tmp_path / "var", (RETENTION, LEDGER)) as here:
        known, bus = here.standing.foundation.checkpoints, here.standing.foundation.bus

        async def search() -> tuple[int, str | None]:
            await eventually(lambda: known.signed_at == here.clock())
            async with here.client(here.person()) as officer:
                answer = await officer.post("/v1/searches", json=asked)
            return answer.status_code, answer.json().get("code")

        async def waiting() -> int:
            return await bus.backlog("ledger", AccessRecorded.topic)

        [consumer] = [part for part in here.standing.parts["ledger"] if part.name == "consume ledger"]
        await consumer.stop()
        assert await search() == (201, None)
        await eventually(waiting)
        here.clock.advance(minutes=5)
        assert await search() == (201, None)
        here.clock.advance(minutes=1)
        assert await search() == (503, "audit_unavailable")
        text = (await metrics.text(here.standing)).decode()
        assert 'platekeeper_audit_checkpoint_age_seconds{service="foundation"} 360.0' in text
        member = await bus.join("ledger", (AccessRecorded.topic,))
        while batch := await member.poll(500):
            await keep_records(here.standing.rooms["ledger"])([decode(record.value) for record in batch.records])
            await batch.done()

        async def shown() -> bool:
            return await search() == (201, None)

        await eventually(shown)


@pytest.mark.clause("G3")
async def test_checkpoints_go_to_a_bucket_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = bucket(monkeypatch)
    own = {"ledger": LedgerSettings(checkpoints=str(place.url))}
    async with town(tmp_path / "var", (LEDGER,), own=own) as here:
        await eventually(place.files)
        await send(here, await searched(here, 1))
        size = await signed(here)
        newest = max(place.files())
        assert newest.endswith(f"{size:016}.txt")
        room = here.standing.rooms["ledger"]
        assert isinstance(room, LedgerRoom)
        assert await room.archive.newest() == place.files()[newest].decode()
        await compare_with_archive(room)
        with pytest.raises(FileExistsError):
            await room.archive.keep("another", size=size, signed_at=here.clock())
        assert not (here.standing.foundation.settings.var / "checkpoints").exists()
