from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from msgspec.structs import replace
from standing import AGENCY, Town, eventually, town
from unit.hotlist.scene import (
    OTHER,
    USE,
    behind_its_back,
    following,
    handled,
    hits,
    list_plate,
    open_list,
    publish,
    query,
    raised,
    records,
    seen,
)

from platekeeper_common import ids
from platekeeper_common.caller import Caller
from platekeeper_common.events.hotlist import HitRaised, HotlistChanged
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.ids import CameraId, ReadId
from platekeeper_hotlist.room import HotlistSettings
from platekeeper_hotlist.service import SERVICE

pytestmark = on_both


def editor(here: Town, **more: Any) -> Caller:
    return here.person("ines", "investigator", **more)


async def listed(here: Town, plate: str = "7SAM123", **more: Any) -> str:
    """A list with one entry; the entry's id."""
    who = editor(here)
    return await list_plate(here, who, await open_list(here, who, name=f"List of {plate}"), plate, **more)


async def test_an_exact_match_carries_the_read_the_entry_and_the_picture(here: Town) -> None:
    entry_id = await listed(here, incident="26-1", state="CA")
    read = seen(here, "7SAM123", state="CA")
    await publish(here, read)
    [hit] = await raised(here, 1)
    assert (hit.kind, hit.late, hit.agency_id) == ("exact", False, AGENCY)
    assert hit.score == pytest.approx(0.9)
    assert hit.read == read
    assert hit.id == here.standing.foundation.ids.derive("hit", read.id, entry_id)
    assert (hit.entry.id, hit.entry.incident, hit.entry.list_source) == (entry_id, "26-1", "dept")
    assert hit.entry.list_updated_at == here.clock()
    [told] = await hits(here, editor(here))
    assert (told["id"], told["read"]["plate"], told["entry"]["plate"]) == (hit.id, "7SAM123", "7SAM123")
    assert told["read"]["image"]["sha256"] == "0" * 64
    assert told["entry"]["list_updated_at"] == "2026-11-22T18:00:00Z"


async def test_a_look_alike_keeps_what_was_read_beside_what_is_listed(here: Town) -> None:
    await listed(here, "8OLT123")
    await publish(here, seen(here, "80LT123"))
    [hit] = await raised(here, 1)
    assert (hit.kind, hit.read.plate, hit.entry.plate) == ("look_alike", "80LT123", "8OLT123")
    assert hit.score == pytest.approx(0.45)


@pytest.mark.parametrize("plate", ["B0LT123", "8OLT12", "8OLT1234", "8OLT124"])
async def test_two_substitutions_another_length_or_another_character_do_not_match(here: Town, plate: str) -> None:
    await listed(here, "8OLT123")
    await publish(here, seen(here, plate))
    assert await raised(here, 0) == []


@pytest.mark.parametrize(("of_entry", "of_read", "count"), [("CA", "NV", 0), ("CA", None, 1), (None, "NV", 1)])
async def test_a_known_state_must_be_the_entrys(
    here: Town, of_entry: str | None, of_read: str | None, count: int
) -> None:
    await listed(here, state=of_entry)
    await publish(here, seen(here, "7SAM123", state=of_read))
    assert len(await raised(here, count)) == count


@pytest.mark.clause("H1")
async def test_a_read_meets_only_its_own_agencys_lists(here: Town) -> None:
    await here.open_agency(OTHER, "galt")
    await listed(here)
    await publish(here, seen(here, "7SAM123", agency_id=OTHER))
    assert await raised(here, 0) == []
    await publish(here, seen(here, "7SAM123"))
    [hit] = await raised(here, 1)
    assert await hits(here, editor(here, agency_id=OTHER)) == []
    async with here.client(editor(here, agency_id=OTHER)) as client:
        assert (await client.get(f"/v1/hits/{hit.id}", params=USE)).json()["code"] == "hit_unknown"


async def test_an_expired_entry_never_matches(here: Town) -> None:
    await listed(here, expires_at=(here.clock() + timedelta(minutes=1)).isoformat())
    here.clock.advance(minutes=1)
    await publish(here, seen(here, "7SAM123"))
    assert await raised(here, 0) == []


async def test_a_removed_entry_never_matches(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    entry_id = await list_plate(here, who, list_id, "7SAM123")
    async with here.client(who) as client:
        await client.delete(f"/v1/hotlists/{list_id}/entries/{entry_id}", params=USE)
    await publish(here, seen(here, "7SAM123"))
    assert await raised(here, 0) == []


async def test_a_read_that_comes_again_raises_one_hit_and_says_it_once(here: Town) -> None:
    await listed(here)
    read = seen(here, "7SAM123")
    await publish(here, read, read)
    await raised(here, 1)
    await publish(here, read)
    assert len(await raised(here, 1)) == 1
    # The relay sends in order: once this one is out, a second word on the first read would be too.
    await publish(here, seen(here, "7SAM123", camera_id=CameraId("camera-2")))
    assert len(await raised(here, 2)) == 2
    assert len(await hits(here, editor(here))) == 2


async def test_a_read_on_two_lists_raises_two_hits(here: Town) -> None:
    who = editor(here)
    for name in ("Stolen", "Felony"):
        await list_plate(here, who, await open_list(here, who, name), "7SAM123")
    await publish(here, seen(here, "7SAM123"))
    assert {hit.entry.list_name for hit in await raised(here, 2)} == {"Stolen", "Felony"}


@pytest.mark.clause("E2")
async def test_a_read_too_old_at_matching_raises_a_late_hit(here: Town) -> None:
    await listed(here)
    old = seen(here, "7SAM123")
    await here.let_pass(minutes=5)
    await publish(here, old)
    [on_time] = await raised(here, 1)
    here.clock.advance(seconds=1)
    await publish(here, replace(old, id=ReadId(ids.new()), camera_id=CameraId("camera-2")))
    hit = (await raised(here, 2))[1]
    assert (on_time.late, hit.late) == (False, True)


@pytest.mark.clause("E2")
async def test_a_read_too_old_at_receipt_raises_a_late_hit(here: Town) -> None:
    await listed(here)
    now = here.clock()
    await publish(
        here, seen(here, "7SAM123", captured_at=now - timedelta(hours=1), live_until=now - timedelta(minutes=55))
    )
    [hit] = await raised(here, 1)
    assert hit.late
    async with here.client() as client:
        counts = (await client.get("/health/hotlist")).json()["counts"]
    assert (counts["exact_hits"], counts["late_hits"]) == (1, 1)


async def test_hits_are_paged_newest_first(here: Town) -> None:
    await listed(here)
    for _ in range(3):
        await publish(here, *(seen(here, "7SAM123", camera_id=CameraId(ids.new())) for _ in range(2)))
        await handled(here)
        here.clock.advance(seconds=1)
    told: list[dict[str, Any]] = []
    async with here.client(editor(here)) as client:
        cursor: str | None = None
        for _ in range(3):
            page = await client.get("/v1/hits", params=USE | {"limit": "2"} | ({"cursor": cursor} if cursor else {}))
            told += page.json()["hits"]
            cursor = page.json()["next_cursor"]
        last = await client.get("/v1/hits", params={**USE, "cursor": cursor or ""})
        assert last.json() == {"hits": [], "next_cursor": None}
        wrong = await client.get("/v1/hits", params={**USE, "cursor": "elsewhere"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "cursor_invalid")
        one = await client.get(f"/v1/hits/{told[0]['id']}", params=USE)
        assert one.json() == told[0]
    assert len({hit["id"] for hit in told}) == 6
    assert sorted((hit["raised_at"] for hit in told), reverse=True) == [hit["raised_at"] for hit in told]


@pytest.mark.clause("G3")
async def test_seeing_hits_is_recorded(here: Town) -> None:
    await listed(here)
    await publish(here, seen(here, "7SAM123"))
    [hit] = await raised(here, 1)
    await hits(here, editor(here))
    async with here.client(editor(here)) as client:
        await client.get(f"/v1/hits/{hit.id}", params=USE)
    page, one = (await records(here, lambda all_: len(all_) >= 4))[2:]
    assert (page.action, page.result_ids, page.purpose) == ("hits.view", (hit.id,), "stolen_vehicle")
    assert (one.action, one.result_ids, (await query(here, one))) == ("hits.view", (hit.id,), {"hit": hit.id})


async def test_a_list_says_its_versions(here: Town) -> None:
    await listed(here)
    async with following(here, HotlistChanged.topic) as events:
        await eventually(lambda: len(events) >= 2)
        assert [event.version for event in events if isinstance(event, HotlistChanged)] == [1, 2]


async def test_entries_are_in_force_again_after_a_restart(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await listed(here)
        await listed(here, "8ABC456")
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await publish(here, seen(here, "7SAM123"))
        [hit] = await raised(here, 1)
        assert hit.entry.plate == "7SAM123"


async def test_an_entry_that_another_process_made_is_loaded(here: Town) -> None:
    await listed(here)
    await behind_its_back(
        here,
        """
        BEGIN;
        UPDATE hotlist SET version = version + 1;
        UPDATE entry SET plate = '8ABC456', changed_in = changed_in + 1;
        COMMIT;
        """,
    )
    await eventually(lambda: loaded(here, "8ABC456"))
    await publish(here, seen(here, "8ABC456"))
    assert [hit.entry.plate for hit in await raised(here, 1)] == ["8ABC456"]


async def test_a_matcher_that_cannot_confirm_its_lists_waits_and_loses_nothing(tmp_path: Path) -> None:
    own = {"hotlist": HotlistSettings(confirm_every=0.05, confirmed_within=0.3)}
    async with town(tmp_path / "var", (SERVICE,), own=own) as here:
        await listed(here)
        await behind_its_back(here, "ALTER TABLE hotlist RENAME TO away")
        await eventually(lambda: waits(here))
        await publish(here, seen(here, "7SAM123"))
        async with following(here, HitRaised.topic) as told:
            assert told == []
        await behind_its_back(here, "ALTER TABLE away RENAME TO hotlist")
        [hit] = await raised(here, 1)
        assert hit.read.plate == "7SAM123"


async def waits(here: Town) -> bool:
    """Whether the consumer says that it waits for the lists; it only finds out with a read in hand."""
    await publish(here, seen(here, "NOTHING"))
    return any("handle" in trouble for trouble in here.standing.trouble())


def loaded(here: Town, plate: str) -> bool:
    index = here.standing.rooms["hotlist"].in_force.index()  # type: ignore[attr-defined]
    return bool(index.alike(AGENCY, plate, ()))


async def test_a_closed_agencys_reads_raise_nothing_and_hold_up_nobody(here: Town) -> None:
    await listed(here)
    await here.open_agency(mode="closed")
    await publish(here, seen(here, "7SAM123"))
    assert await raised(here, 0) == []
    assert await here.standing.foundation.bus.backlog("hotlist", PlatesRead.topic) == 0
