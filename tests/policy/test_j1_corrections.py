"""A hit on a misread leads to its correction in one step and shows it; what is listed is told to investigators (J1)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from standing import Town, eventually, town
from unit.hotlist.scene import handled, hits, list_plate, open_list, publish, raised, seen
from unit.retention.office import settled

from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_retention.service import SERVICE as RETENTION

pytestmark = on_both
USE = {"purpose": "stolen_vehicle", "matter_type": "patrol"}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """Hot lists and the records office."""
    async with town(tmp_path / "var", (HOTLIST, RETENTION)) as standing:
        yield standing


async def correct(client: httpx.AsyncClient, read_id: str, **said: Any) -> None:
    answer = await client.post(f"/v1/reads/{read_id}/corrections", json=USE | said)
    assert answer.status_code == 201, answer.text


@pytest.mark.clause("J1")
async def test_a_hit_on_a_misread_shows_that_it_is_none_and_the_plate_that_was_there_is_matched(here: Town) -> None:
    officer = here.person("inez", "investigator")
    listed = await open_list(here, officer)
    for plate in ("7ABC123", "8XYZ001", "8XYZ00I"):
        await list_plate(here, officer, listed, plate)
    await publish(here, seen(here, "7ABC123"), seen(here, "4NTH999"))
    await handled(here)
    await settled(here)
    (hit,) = await hits(here, officer)
    assert (hit["corrections"], hit["by_correction"]) == ([], False)
    here.clock.advance(seconds=1)
    async with here.client(officer) as client:
        await correct(client, hit["read"]["id"], plate="8XYZ001")

        async def both() -> list[dict[str, Any]] | None:
            found = await hits(here, officer)
            return found if len(found) > 1 else None

        newer, older = await eventually(both)
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
    await publish(here, misread, shop_sign)
    await settled(here)
    async with here.client(officer) as client:
        await correct(client, shop_sign.id, no_plate=True)
        await correct(client, misread.id, plate="8XYZ001", state="CA")

        async def told() -> list[dict[str, Any]]:
            return await hits(here, officer)

        (hit,) = await eventually(told)
        await correct(client, misread.id, plate="8XYZ002")

        async def heard() -> bool:
            return len((await hits(here, officer))[0]["corrections"]) == 2

        await eventually(heard)
    assert (hit["read"]["id"], hit["late"], hit["by_correction"]) == (misread.id, True, True)
    assert (hit["score"], hit["read"]["state"]) == (1.0, "CA")
    assert len(await hits(here, officer)) == 1
