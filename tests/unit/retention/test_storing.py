"""Reads come from the bus and are stored exactly once, each with its time of keeping."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from databases import on_both
from standing import AGENCY, Town, eventually, town
from unit.retention.office import HARBOR, START, USE, a_read, publish, reads_stored, rows, search, settled, store

from platekeeper_common.events.access import AgencyChanged
from platekeeper_common.events.ingest import Position
from platekeeper_common.events.recognition import Box, Candidate, Model
from platekeeper_common.periods import Month
from platekeeper_retention.service import SERVICE, tallies

pytestmark = on_both


async def dead(here: Town) -> list[str]:
    return [reason for (reason,) in rows(here, "SELECT reason FROM dead_letter")]


async def test_a_redelivered_read_is_stored_once(here: Town) -> None:
    reads = [a_read(number) for number in range(8)]
    await publish(here, *reads, each=3)
    await publish(here, *reads, *reads, each=16)
    await publish(here, reads[0], reads[0])
    await store(here, a_read(99))
    assert await reads_stored(here) == 9


async def test_storing_begins_again_where_a_stopped_process_left_it(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await store(here, a_read(1))
        consumer = next(part for part in here.standing.parts["retention"] if part.name.startswith("consume"))
        await consumer.stop()
        await publish(here, a_read(1), a_read(2))
        assert await reads_stored(here) == 1
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await settled(here)
        assert await reads_stored(here) == 2


async def test_a_new_version_stands_beside_the_old_and_is_what_callers_see(
    here: Town, officer: httpx.AsyncClient
) -> None:
    await store(here, a_read(1, plate="8ABC123"))
    await store(here, a_read(1, plate="8ABC128", version=2))
    assert rows(here, "SELECT version, plate FROM plate_read ORDER BY version") == [(1, "8ABC123"), (2, "8ABC128")]
    assert (await search(officer, plate="8ABC123"))["reads"] == []
    (found,) = (await search(officer, prefix="8ABC12"))["reads"]
    assert (found["version"], found["plate"]) == (2, "8ABC128")
    assert (await officer.get(f"/v1/reads/{found['id']}", params=USE)).json()["version"] == 2


async def test_an_older_version_that_arrives_late_changes_nothing(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1, plate="8ABC128", version=2))
    await store(here, a_read(1, plate="8ABC123", version=1))
    assert [read["version"] for read in (await search(officer, prefix="8ABC"))["reads"]] == [2]


@pytest.mark.clause("J1")
async def test_everything_that_a_read_says_is_kept(here: Town, officer: httpx.AsyncClient) -> None:
    read = a_read(
        1,
        candidates=(Candidate("8ABC123", 0.9, 6), Candidate("8A8C123", 0.4)),
        frames=7,
        preview=True,
        model=Model("edge", "2.1"),
        source="edge",
        country="US",
        state="CA",
        region_confidence=0.75,
        box=Box(10, 20, 300, 90),
        position=Position(34.055, -117.75),
        heading=271.5,
        lane="2",
        pass_id="pass-7",
        live_until=START,
    )
    await store(here, read)
    (found,) = (await search(officer, plate="8abc-123"))["reads"]
    assert found == (await officer.get(f"/v1/reads/{read.id}", params=USE)).json()
    assert found == {
        "id": read.id,
        "version": 1,
        "frames": 7,
        "preview": True,
        "plate": "8ABC123",
        "country": "US",
        "state": "CA",
        "region_confidence": 0.75,
        "confidence": 0.93,
        "candidates": [
            {"plate": "8ABC123", "confidence": 0.9, "votes": 6},
            {"plate": "8A8C123", "confidence": 0.4, "votes": None},
        ],
        "camera_id": "north-gate",
        "device_id": "gateway-1",
        "captured_at": "2026-11-22T12:00:01Z",
        "received_at": "2026-11-22T12:00:03Z",
        "late": True,
        "position": {"latitude": 34.055, "longitude": -117.75},
        "heading": 271.5,
        "lane": "2",
        "source": "edge",
        "model": {"name": "edge", "version": "2.1", "checksum": ""},
        "has_image": False,
        "has_crop": False,
        "retain_until": "2027-11-22T12:00:03Z",
        "retention": {
            "clause": "F1",
            "schedule_item": found["retention"]["schedule_item"],
            "policy_version": here.standing.foundation.policies.of(AGENCY).version,
        },
        "corrections": [],
        "found_by_correction": False,
    }
    [(box, pass_id)] = rows(here, "SELECT box, pass_id FROM plate_read")
    assert (json.loads(box), pass_id) == ({"x": 10, "y": 20, "width": 300, "height": 90}, "pass-7")


@pytest.mark.clause("F1", "la-port")
async def test_a_batch_of_two_agencies_keeps_each_by_its_own_schedule(here: Town) -> None:
    await here.open_agency(HARBOR, profile="la-port")
    await publish(here, a_read(1, captured_at=START - timedelta(days=20), received_at=START))
    await publish(here, a_read(2, agency_id=HARBOR, received_at=datetime(2028, 2, 29, tzinfo=UTC)), agency_id=HARBOR)
    await settled(here)
    kept = {agency: str(until)[:19] for agency, until in rows(here, "SELECT agency_id, retain_until FROM plate_read")}
    assert kept == {AGENCY: "2027-11-22 12:00:00", HARBOR: "2033-03-01 00:00:00"}


async def test_a_read_of_an_agency_not_heard_of_yet_waits_for_it(here: Town) -> None:
    await publish(here, a_read(1, agency_id=HARBOR), agency_id=HARBOR)
    await eventually(lambda: any("consume" in trouble for trouble in here.standing.trouble()))
    assert await reads_stored(here) == 0
    await here.open_agency(HARBOR)
    await settled(here)
    assert await reads_stored(here) == 1
    assert await dead(here) == []


async def test_what_can_never_be_stored_goes_to_the_dead_letters_and_the_rest_is_stored(here: Town) -> None:
    closed = AgencyChanged(
        agency_id=HARBOR,
        name="Harbor",
        ori="CA0190000",
        time_zone="America/Los_Angeles",
        profile="corona",
        policy_version="1",
        mode="closed",
    )
    await here.standing.foundation.bus.publish([closed], source="accounts")
    await eventually(lambda: here.standing.foundation.policies.agency(HARBOR))
    await publish(here, a_read(1, agency_id=HARBOR), agency_id=HARBOR)
    await publish(here, a_read(2, agency_id=HARBOR))
    await publish(here, a_read(3, plate="8abc123"))
    await store(here, a_read(4))
    assert sorted(await dead(here)) == [
        "agency_closed",
        "agency_mismatch: read read-0002",
        "plate_not_normalised: read read-0003",
    ]
    assert await reads_stored(here) == 1


async def test_a_month_is_counted_by_when_its_reads_were_received_and_each_read_once(here: Town) -> None:
    late = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    await here.open_agency(HARBOR)
    await store(
        here,
        a_read(1),
        a_read(1, version=2, plate="8ABC128"),
        a_read(5, version=2),
        a_read(5, version=3, plate="8ABC128"),
        a_read(2, captured_at=late, received_at=late),
        a_read(3, captured_at=late, received_at=late + timedelta(seconds=1)),
    )
    await store(here, a_read(4, agency_id=HARBOR), agency_id=HARBOR)
    room = here.standing.rooms["retention"]
    counted = [(await tallies(room, AGENCY, Month(2026, month))).reads for month in (10, 11, 12)]  # type: ignore[arg-type]
    assert counted == [0, 3, 1]
