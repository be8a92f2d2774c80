"""Hits and their sightings through the door: told once, counted after, by the agency's own figures."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from msgspec.structs import replace
from standing import POLICIES, Town, town
from unit.hotlist.scene import (
    OTHER,
    USE,
    behind_its_back,
    handled,
    hits,
    list_plate,
    listening,
    open_list,
    publish,
    query,
    raised,
    records,
    seen,
    serving,
)

from platekeeper_common import ids
from platekeeper_common.events.ingest import Position
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import CameraId, ReadId
from platekeeper_hotlist import handlers
from platekeeper_hotlist.room import HotlistRoom, HotlistSettings, open_room
from platekeeper_hotlist.service import SERVICE

STATION = Position(34.0551, -117.7500)
FAR = Position(34.0551 + 0.0036, -117.7500)
"""Some 400 metres north of it."""


async def listed(here: Town, plate: str = "7SAM123") -> str:
    """A list with one entry; the entry's id."""
    who = here.person("ines", "investigator")
    return await list_plate(here, who, await open_list(here, who, f"List of {plate}"), plate)


async def counted(here: Town) -> list[dict[str, Any]]:
    """The hits in the order in which they were raised, once every read is matched."""
    await handled(here)
    return (await hits(here, here.person()))[::-1]


async def sightings(here: Town, hit_id: str, **more: str) -> dict[str, Any]:
    async with here.client(here.person()) as client:
        answer = await client.get(f"/v1/hits/{hit_id}/sightings", params={**USE, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def passed_long_ago(here: Town) -> None:
    """A hit at the offset behind which a stream opened with `Last-Event-ID: 0` begins."""
    await publish(here, seen(here, "7SAM123"))
    await raised(here, 1)
    await here.let_pass(hours=1)


def late(read: PlateRead, **earlier: float) -> PlateRead:
    """The same sight, captured so much earlier and handed in now."""
    captured_at = read.captured_at - timedelta(**earlier)
    return replace(read, captured_at=captured_at, live_until=captured_at + timedelta(minutes=5))


@on_both
async def test_ten_reads_in_a_minute_are_one_hit_told_once(here: Town) -> None:
    await listed(here)
    first = here.clock()
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        for second in range(10):
            await publish(here, seen(here, "7SAM123", position=STATION, camera_id=CameraId(f"camera-{second}")))
            here.clock.advance(seconds=6)
        [hit] = await counted(here)
        await here.let_pass(minutes=8)
        away = here.clock() + timedelta(minutes=3)
        await publish(here, seen(here, "7SAM123", position=STATION, captured_at=away))
        told = [event.json()["id"] for event in await ears.hear(2)]
    assert (hit["sightings"], hit["last_camera_id"]) == (10, "camera-9")
    assert hit["first_seen_at"] == hit["read"]["captured_at"]
    assert hit["last_seen_at"] == (first + timedelta(seconds=54)).isoformat().replace("+00:00", "Z")
    assert told == [hit["id"], (await counted(here))[1]["id"]]
    async with here.client() as client:
        counts = (await client.get("/health/hotlist")).json()["counts"]
    assert (counts["exact_hits"], counts["sightings"], counts["late_hits"]) == (2, 11, 0)


@on_both
async def test_four_hundred_metres_on_is_news(here: Town) -> None:
    await listed(here)
    await publish(here, seen(here, "7SAM123", position=STATION), seen(here, "7SAM123", position=FAR))
    assert [hit["sightings"] for hit in await counted(here)] == [1, 1]
    assert {hit["last_position"]["latitude"] for hit in await counted(here)} == {STATION.latitude, FAR.latitude}


async def test_another_profile_has_figures_of_its_own(tmp_path: Path) -> None:
    own = shutil.copytree(POLICIES, tmp_path / "policies")
    text = (own / "pomona.toml").read_text()
    for was, now in {
        'sighting_within = "10 min"': 'sighting_within = "1 min"',
        "sighting_within_metres = 300": "sighting_within_metres = 500",
        'hit_told_again_after = "8 h"': 'hit_told_again_after = "2 min"',
    }.items():
        assert was in text
        text = text.replace(was, now)
    (own / "pomona.toml").write_text(text)
    async with town(tmp_path / "var", (SERVICE,), policies=own) as here:
        await listed(here)
        await publish(here, seen(here, "7SAM123", position=STATION), seen(here, "7SAM123", position=FAR))
        for seconds in (59, 60, 1):
            await handled(here)
            here.clock.advance(seconds=seconds)
            await publish(here, seen(here, "7SAM123", position=STATION))
        assert [hit["sightings"] for hit in await counted(here)] == [4, 1]


@on_both
async def test_a_read_that_comes_again_or_is_corrected_counts_once(here: Town) -> None:
    await listed(here)
    misread = seen(here, "7SAN124")
    await publish(here, misread)
    assert await counted(here) == []
    await publish(here, replace(misread, version=2, plate="7SAM123"))
    await counted(here)
    await publish(here, replace(misread, version=3, plate="7SAM123"))
    again = seen(here, "7SAM123")
    await publish(here, again, again)
    await counted(here)
    await publish(here, again, replace(again, version=2, plate="7SAN124"))
    [hit] = await counted(here)
    assert (hit["read"]["version"], hit["sightings"]) == (2, 2)
    assert {one["read_id"] for one in (await sightings(here, hit["id"]))["sightings"]} == {misread.id, again.id}


@on_both
async def test_an_exact_match_after_a_look_alike_is_told(here: Town) -> None:
    await listed(here, "8OLT123")
    for plate in ("80LT123", "8OLT123", "80LT123"):
        await publish(here, seen(here, plate))
        await handled(here)
    assert {hit["kind"]: hit["sightings"] for hit in await counted(here)} == {"look_alike": 1, "exact": 2}


@on_both
@pytest.mark.clause("E2")
async def test_a_live_read_is_told_live_beside_a_late_hit_and_counts_late_ones_after(here: Town) -> None:
    await listed(here)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await publish(here, late(seen(here, "7SAM123"), minutes=6))
        await ears.hear(1)
        await publish(here, seen(here, "7SAM123"))
        await ears.hear(2)
        await publish(here, late(seen(here, "7SAM123"), minutes=7), seen(here, "7SAM123"))
        live_one, late_one = sorted(await counted(here), key=lambda hit: bool(hit["late"]))
        heard = [(event.event, event.json()["id"]) for event in ears.events]
    assert heard == [("late_hit", late_one["id"]), ("hit", live_one["id"])]
    assert (late_one["sightings"], live_one["sightings"]) == (1, 3)
    page = await sightings(here, live_one["id"])
    assert [one["late"] for one in page["sightings"]] == [False, False, True]


@on_both
@pytest.mark.clause("E2")
async def test_a_hit_that_was_delivered_late_does_not_silence_what_is_seen_live_after(here: Town) -> None:
    await listed(here)
    await passed_long_ago(here)
    await publish(here, seen(here, "7SAM123"))
    await raised(here, 2)
    await here.let_pass(minutes=6)
    async with serving(here) as url, listening(here, url, here.person(), "0") as ears:
        await ears.hear(1)
        await publish(here, seen(here, "7SAM123"))
        await ears.hear(2)
        await publish(here, seen(here, "7SAM123"))
        assert [hit["sightings"] for hit in await counted(here)] == [1, 1, 2]
        heard = [event.event for event in ears.events]
    assert heard == ["late_hit", "hit"]


@on_both
@pytest.mark.clause("E2")
async def test_a_hit_is_delivered_live_as_long_as_a_sighting_of_it_is(here: Town) -> None:
    await listed(here)
    await passed_long_ago(here)
    await publish(here, seen(here, "7SAM123"))
    await raised(here, 2)
    await here.let_pass(minutes=6)
    await publish(here, seen(here, "7SAM123"))
    await handled(here)
    async with serving(here) as url, listening(here, url, here.person(), "0") as ears:
        [event] = await ears.hear(1)
    assert (event.event, event.json()["sightings"]) == ("hit", 2)


@on_both
async def test_a_hit_that_is_kept_no_more_is_not_told(here: Town) -> None:
    await listed(here)
    await passed_long_ago(here)
    await publish(here, seen(here, "7SAM123"))
    await raised(here, 2)
    await behind_its_back(here, "DELETE FROM sighting; DELETE FROM hit")
    await publish(here, seen(here, "7SAM123", camera_id=CameraId("camera-2")))
    async with serving(here) as url, listening(here, url, here.person(), "0") as ears:
        [event] = await ears.hear(1)
    assert event.json()["read"]["camera_id"] == "camera-2"


@on_both
@pytest.mark.clause("G3")
async def test_sightings_are_paged_and_seeing_them_is_recorded(here: Town) -> None:
    await listed(here)
    reads = []
    for _ in range(5):
        reads.append(seen(here, "7SAM123", position=STATION))
        here.clock.advance(seconds=1)
    await publish(here, *reads)
    [hit] = await counted(here)
    told: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = await sightings(here, hit["id"], limit="2", **cursor)
        told += [one["read_id"] for one in page["sightings"]]
        cursor = {"cursor": page["next_cursor"]}
    assert told == [read.id for read in reversed(reads)]
    assert page["next_cursor"] is None
    last = (await records(here, lambda all_: len(all_) >= 6))[-1]
    assert (last.action, last.result_ids, last.purpose) == ("hits.view", (reads[0].id,), "stolen_vehicle")
    assert (await query(here, last))["hit"] == hit["id"]


@on_both
async def test_only_the_own_agencys_sightings_are_shown(here: Town) -> None:
    await here.open_agency(OTHER, "galt")
    await listed(here)
    await publish(here, seen(here, "7SAM123"))
    [hit] = await counted(here)
    for who, params, status, code in (
        (here.person(agency_id=OTHER), USE, 404, "hit_unknown"),
        (here.person(), {**USE, "cursor": "elsewhere"}, 422, "cursor_invalid"),
        (here.person(), {}, 422, "purpose_required"),
    ):
        async with here.client(who) as client:
            answer = await client.get(f"/v1/hits/{hit['id']}/sightings", params=params)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@on_both
async def test_matchers_side_by_side_count_every_read_once_and_tell_one_hit(here: Town) -> None:
    await listed(here)
    reads = [seen(here, "7SAM123", position=STATION) for _ in range(30)]
    one = here.standing.rooms["hotlist"]
    assert isinstance(one, HotlistRoom)
    async with open_room(one.foundation, HotlistSettings()) as other:
        batches = [reads[start : start + 10] for start in range(0, 30, 5)]
        await asyncio.gather(
            *(handlers.match_reads(room, batch) for batch in batches for room in (one, other)),
        )
    [hit] = await counted(here)
    assert hit["sightings"] == 30
    assert len(await raised(here, 1)) == 1


@on_both
async def test_a_batch_of_many_vehicles_is_counted_whole(here: Town) -> None:
    who = here.person("ines", "investigator")
    list_id = await open_list(here, who)
    plates = [f"7SAM{number:03}" for number in range(30)]
    for plate in plates:
        await list_plate(here, who, list_id, plate)
    moments = [here.clock() - timedelta(minutes=30 * back) for back in range(40)]
    reads = [
        seen(here, plate, id=ReadId(ids.new()), captured_at=at, live_until=at) for plate in plates for at in moments
    ]
    one = here.standing.rooms["hotlist"]
    assert isinstance(one, HotlistRoom)
    for _ in range(2):
        await handlers.match_reads(one, reads)
        assert await _counts(here) == {"late_hits": 30 * 39, "sightings": 30 * 40}


async def _counts(here: Town) -> dict[str, int]:
    async with here.client() as client:
        counts = (await client.get("/health/hotlist")).json()["counts"]
    return {name: counts[name] for name in ("late_hits", "sightings")}


@on_both
@pytest.mark.clause("A7")
async def test_each_vehicle_that_a_partial_plate_means_is_a_hit_of_its_own(here: Town) -> None:
    who = here.person("ines", "investigator")
    await list_plate(here, who, await open_list(here, who), "7SA?1*", incident="26-1")
    await publish(here, *(seen(here, plate, position=STATION) for plate in ("7SAM123", "7SAN123", "7SAM123")))
    assert {hit["read"]["plate"]: hit["sightings"] for hit in await counted(here)} == {"7SAM123": 2, "7SAN123": 1}
