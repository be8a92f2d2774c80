"""A hit on a misread leads to its correction in one step and shows it; what is listed is told to investigators (J1)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from msgspec.structs import replace
from standing import Town, eventually, town
from unit.hotlist.scene import handled, hits, list_plate, listening, open_list, publish, raised, seen, serving
from unit.retention.office import settled

from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_retention.service import SERVICE as RETENTION

pytestmark = on_both
USE = {"purpose": "stolen_vehicle", "matter_type": "patrol"}
RECEIVED_WITH_THE_READ = (
    "SELECT count(*) FROM read_correction c JOIN sighting s ON s.read_id = c.read_id AND s.received_at = c.received_at"
)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """Hot lists and the records office."""
    async with town(tmp_path / "var", (HOTLIST, RETENTION)) as standing:
        yield standing


async def correct(here: Town, client: httpx.AsyncClient, read_id: str, **said: Any) -> None:
    """Say what the plate is, and wait until hotlist has heard it."""

    async def heard() -> bool:
        outbox = here.rows("retention", "SELECT count(*) FROM outbox")[0][0]
        return (
            not outbox and await here.standing.foundation.bus.backlog("hotlist-corrections", ReadCorrected.topic) == 0
        )

    answer = await client.post(f"/v1/reads/{read_id}/corrections", json=USE | said)
    assert answer.status_code == 201, answer.text
    await eventually(heard)


async def told(here: Town, *reads: PlateRead) -> None:
    """The cameras say so, and hotlist and the records office have heard it."""
    await publish(here, *reads)
    await handled(here)
    await settled(here)


@pytest.mark.clause("J1")
async def test_a_hit_on_a_misread_shows_that_it_is_none_and_the_plate_that_was_there_is_matched(here: Town) -> None:
    officer = here.person("inez", "investigator")
    listed = await open_list(here, officer)
    for plate in ("7ABC123", "8XYZ001", "8XYZ00I"):
        await list_plate(here, officer, listed, plate)
    await told(here, seen(here, "7ABC123"), seen(here, "4NTH999"))
    (hit,) = await hits(here, officer)
    assert (hit["corrections"], hit["by_correction"]) == ([], False)
    here.clock.advance(seconds=1)
    async with here.client(officer) as client:
        await correct(here, client, hit["read"]["id"], plate="8XYZ001")
        newer, older = await hits(here, officer)
        (sighting,) = (await client.get(f"/v1/hits/{hit['id']}/sightings", params=USE)).json()["sightings"]
    (said,) = older["corrections"]
    assert (said["was"], said["plate"], said["verdict"]) == ("7ABC123", "8XYZ001", "misread")
    assert sighting["corrections"] == [said]
    assert (older["read"]["plate"], older["by_correction"], older["late"]) == ("7ABC123", False, False)
    assert (newer["read"]["plate"], newer["entry"]["plate"], newer["kind"]) == ("8XYZ001", "8XYZ001", "exact")
    assert (newer["late"], newer["by_correction"], newer["corrections"]) == (True, True, [said])
    assert newer["read"]["id"] == older["read"]["id"]
    assert [event.late for event in await raised(here, 2)] == [False, True]


@pytest.mark.clause("J1")
async def test_a_plate_that_was_not_listed_as_read_is_found_once_it_is_corrected_and_none_where_there_is_no_plate(
    here: Town,
) -> None:
    officer = here.person("inez", "investigator")
    await list_plate(here, officer, await open_list(here, officer), "8XYZ001")
    misread, shop_sign = seen(here, "8XY2OO1"), seen(here, "OPEN24")
    await told(here, misread, shop_sign)
    async with here.client(officer) as client:
        await correct(here, client, shop_sign.id, no_plate=True)
        await correct(here, client, misread.id, plate="8XYZ001", state="CA")
        (hit,) = await hits(here, officer)
        await correct(here, client, misread.id, plate="8XYZ002")
    assert (hit["read"]["id"], hit["late"], hit["by_correction"]) == (misread.id, True, True)
    assert (hit["score"], hit["read"]["state"]) == (1.0, "CA")
    (hit,) = await hits(here, officer)
    assert len(hit["corrections"]) == 2
    assert here.rows("hotlist", RECEIVED_WITH_THE_READ) == [(2,)]


@pytest.mark.clause("J1")
async def test_a_hit_that_an_officer_calls_a_misread_swallows_no_alert_until_it_is_said_to_be_right(here: Town) -> None:
    officer = here.person("inez", "investigator")
    listed = await open_list(here, officer)
    for plate in ("4NTH999", "7SAM123"):
        await list_plate(here, officer, listed, plate)
    await told(here, seen(here, "4NTH999"))
    here.clock.advance(seconds=1)
    misread = seen(here, "7SAM123")
    await told(here, misread)
    async with here.client(officer) as client, serving(here) as url:
        for said in ({"no_plate": True}, {"plate": "7SAH128"}):
            await correct(here, client, misread.id, **said)
        here.clock.advance(seconds=60)
        await told(here, seen(here, "7SAM123"))
        [real, first, _] = await hits(here, officer)
        assert (real["sightings"], first["sightings"], first["corrections"][-1]["plate"]) == (1, 1, "7SAH128")
        async with listening(here, url, officer, last_event_id="0") as ears:
            heard = await ears.hear(2)
        assert [(event.event, event.json()["id"]) for event in heard] == [
            ("late_hit", first["id"]),
            ("hit", real["id"]),
        ]
        await correct(here, client, misread.id, plate="7SAM123")
        await told(here, seen(here, "7SAM123"))
    assert [hit["sightings"] for hit in await hits(here, officer)] == [2, 1, 1]


@pytest.mark.clause("J1")
async def test_what_an_officer_said_of_a_read_stands_whatever_its_better_versions_say(here: Town) -> None:
    officer = here.person("inez", "investigator")
    listed = await open_list(here, officer)
    for plate in ("7SAM123", "8XYZ001", "5TOP555"):
        await list_plate(here, officer, listed, plate)
    right = seen(here, "7SAM123", state="NV", region_confidence=0.5)
    sign = seen(here, "STOP")
    wrong = seen(here, "8XYZ001")
    await told(here, right, sign, wrong)
    async with here.client(officer) as client:
        await correct(here, client, right.id, plate="7SAM123", state="CA")
        await correct(here, client, sign.id, no_plate=True)
        await correct(here, client, wrong.id, plate="8XYZ007")
    await told(here, *(replace(read, version=2, plate="7SAH128") for read in (right, wrong)))
    await told(here, replace(sign, version=2, plate="5TOP555"))
    assert len(await raised(here, 3)) == 3
    found = {hit["read"]["id"]: hit for hit in await hits(here, officer)}
    assert [found[read.id]["late"] for read in (right, wrong, sign)] == [False, False, True]
    assert {hit["revised"] for hit in found.values()} == {None}
    await told(here, replace(wrong, version=3, plate="8XYZ007"))
    found = {hit["read"]["id"]: hit for hit in await hits(here, officer)}
    assert (found[wrong.id]["revised"]["plate"], found[wrong.id]["revised"]["kind"]) == ("8XYZ007", None)


@pytest.mark.clause("J1")
async def test_a_plate_that_an_officer_said_first_is_a_live_alert_when_the_camera_sees_it_too(here: Town) -> None:
    officer = here.person("inez", "investigator")
    await list_plate(here, officer, await open_list(here, officer), "8XYZ001")
    misread = seen(here, "8XY2OO1")
    await told(here, misread)
    async with here.client(officer) as client:
        await correct(here, client, misread.id, plate="8XYZ001")
        [by_officer] = await hits(here, officer)
        here.clock.advance(seconds=1)
        for _ in range(2):
            await told(here, replace(misread, version=2, plate="8XYZ001"))
        [live, still] = await hits(here, officer)
        pages = [(await client.get(f"/v1/hits/{hit['id']}/sightings", params=USE)).json() for hit in (live, still)]
    assert still == by_officer
    assert (live["late"], live["by_correction"], live["read"]["version"], live["kind"]) == (False, False, 2, "exact")
    assert [[one["read_id"] for one in page["sightings"]] for page in pages] == [[misread.id], [misread.id]]


@pytest.mark.clause("J1")
async def test_a_read_that_an_officer_counted_to_a_hit_is_not_counted_to_it_again(here: Town) -> None:
    officer = here.person("inez", "investigator")
    await list_plate(here, officer, await open_list(here, officer), "8XYZ001")
    misread = seen(here, "8XY2OO1")
    await told(here, misread, seen(here, "8XYZ001"))
    async with here.client(officer) as client:
        await correct(here, client, misread.id, plate="8XYZ001")
    for _ in range(2):
        await told(here, replace(misread, version=2, plate="8XYZ001"), seen(here, "4NTH999"))
    [hit] = await hits(here, officer)
    assert (hit["sightings"], hit["by_correction"]) == (2, False)
