"""Previews and final reads of other makers' recognisers: versions of one read, numbered as they come."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from unit.ingest.station import Station, crop, station

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import PlateRead


def of_pass(here: Station, plate: str, seconds: float = 0, *, preview: bool = True, **more: Any) -> dict[str, Any]:
    """A read of pass `group-1`."""
    at = here.town.clock() + timedelta(seconds=seconds)
    own: dict[str, Any] = {"read_id": f"{plate}-{seconds}", "pass_id": "group-1", "plate": plate, "preview": preview}
    return here.read(captured_at=at.isoformat(), **own | more)


async def posted(here: Station, *reads: dict[str, Any]) -> list[str]:
    """The ids that the device is told."""
    answer = await here.post_reads(*reads)
    assert answer.status_code == 202, answer.text
    assert answer.json()["refused"] == 0
    return [result["id"] for result in answer.json()["results"]]


async def told(here: Station) -> list[tuple[int, str, bool]]:
    """Version, plate and whether a preview, of every read on the bus; all are of one read."""
    reads: list[PlateRead] = await here.reads()
    assert len({read.id for read in reads}) <= 1
    assert all(read.pass_id == "group-1" for read in reads)
    return [(read.version, read.plate, read.preview) for read in reads]


async def unanswered(here: Station, monkeypatch: pytest.MonkeyPatch, *reads: dict[str, Any]) -> None:
    """The reads, sent while the bus is away."""

    async def away(_events: Sequence[Event], *, source: str) -> None:
        raise Unavailable(f"the bus is away from {source}")

    with monkeypatch.context() as patch:
        patch.setattr(here.bus, "publish", away)
        assert (await here.post_reads(*reads)).status_code == 503


@on_both
async def test_the_final_read_supersedes_its_previews_and_a_preview_behind_it_changes_nothing(here: Station) -> None:
    early, late = of_pass(here, "7ABC12"), of_pass(here, "7ABC128", 1)
    final = of_pass(here, "7ABC123", 2, preview=False)
    [first] = await posted(here, early)
    assert await posted(here, late, final) == [first, first]
    assert await posted(here, of_pass(here, "7ABC129", 1.5)) == [first]
    assert await told(here) == [(1, "7ABC12", True), (2, "7ABC128", True), (3, "7ABC123", False)]
    assert here.room.intake.superseded == 1


async def test_the_same_read_again_is_the_same_version_and_nothing_when_it_is_superseded(here: Station) -> None:
    early, final = of_pass(here, "7ABC12", crop=crop("PNG")), of_pass(here, "7ABC123", 2, preview=False)
    for sent in (early, early, final, early, final):
        await posted(here, sent)
    assert await told(here) == [
        (1, "7ABC12", True),
        (1, "7ABC12", True),
        (2, "7ABC123", False),
        (2, "7ABC123", False),
    ]


async def test_an_older_preview_does_not_supersede_a_newer_one_but_a_final_one_always_does(here: Station) -> None:
    await posted(here, of_pass(here, "7ABC128", 1), of_pass(here, "7ABC12"))
    await posted(here, of_pass(here, "7ABC123", 0.5, preview=False))
    await posted(here, of_pass(here, "7A8C123", 0.5, preview=False))
    assert await told(here) == [(1, "7ABC128", True), (2, "7ABC123", False), (3, "7A8C123", False)]


async def test_a_call_of_superseded_previews_alone_is_acknowledged(here: Station) -> None:
    [first] = await posted(here, of_pass(here, "7ABC123", 2, preview=False))
    assert await posted(here, of_pass(here, "7ABC12")) == [first]
    assert len(await told(here)) == 1


async def test_another_camera_device_or_time_is_another_pass_and_without_a_name_all_stays(here: Station) -> None:
    async with here.administrator() as boss:
        place = {"name": "South", "kind": "fixed", "position": {"latitude": 34.0, "longitude": -117.7}}
        more = await boss.post(f"/v1/devices/{here.gateway['id']}/cameras", json=place)
    reads = [of_pass(here, "7ABC123"), of_pass(here, "7ABC123", camera_id=more.json()["id"])]
    ids = await posted(here, *reads)
    car = of_pass(here, "7ABC123", camera_id=here.car["cameras"][0]["id"], position={"latitude": 34, "longitude": -117})
    answer = await here.post_reads(car, device=here.car)
    ids.append(answer.json()["results"][0]["id"])
    here.town.clock.advance(minutes=20)
    ids += await posted(here, of_pass(here, "8XYZ999"))
    ids += await posted(here, here.read(read_id="7ABC123-0"))
    assert len(set(ids)) == 5
    assert {(read.version, read.pass_id) for read in await here.reads()} == {(1, "group-1"), (1, None)}


@pytest.mark.parametrize(
    ("more", "code"),
    [({"pass_id": None, "preview": True}, "pass_missing"), ({"pass_id": ""}, "invalid_request")],
    ids=["a preview of no pass", "an empty name"],
)
async def test_a_preview_names_its_pass(here: Station, more: dict[str, Any], code: str) -> None:
    answer = await here.post_reads(here.read(), here.read(read_id="other", **more))
    assert answer.json()["results"][1]["code"] == code


async def test_versions_are_remembered_over_a_restart_for_an_hour_and_no_plate_with_them(tmp_path: Path) -> None:
    async with station(tmp_path / "var") as here:
        await posted(here, of_pass(here, "7ABC12"))
        [row] = here.town.rows("ingest", "SELECT * FROM edge_pass")
        assert not any("7ABC12" in str(value) for value in row)
        here.town.clock.advance(hours=2)
        await posted(here, of_pass(here, "8XYZ999"))
        assert len(here.town.rows("ingest", "SELECT read_id FROM edge_pass")) == 1


@on_both
async def test_a_call_that_is_sent_again_after_the_bus_was_away_has_the_same_versions(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = [of_pass(here, "7ABC12", crop=crop()), of_pass(here, "7ABC123", 2, preview=False)]
    await unanswered(here, monkeypatch, *reads)
    await posted(here, *reads)
    assert await told(here) == [(1, "7ABC12", True), (2, "7ABC123", False)]


async def test_what_is_on_the_bus_without_our_knowing_it_has_the_same_version_when_it_comes_again(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, first = here.bus.publish, of_pass(here, "7ABC12", crop=crop())

    async def too_late(events: Sequence[Event], *, source: str) -> None:
        await publish(events, source=source)
        raise Unavailable("the bus did not confirm in time")

    with monkeypatch.context() as patch:
        patch.setattr(here.bus, "publish", too_late)
        assert (await here.post_reads(first)).status_code == 503
    await posted(here, first)
    await posted(here, of_pass(here, "7ABC123", 2, preview=False))
    assert await told(here) == [(1, "7ABC12", True), (1, "7ABC12", True), (2, "7ABC123", False)]


async def test_what_was_not_published_supersedes_nothing_and_a_final_read_sent_again_is_the_last(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, final = of_pass(here, "7ABC12", 1), of_pass(here, "7ABC123", 2, preview=False)
    await unanswered(here, monkeypatch, first, final)
    await posted(here, of_pass(here, "7ABC129"))
    await posted(here, final)
    await posted(here, first)
    assert [(plate, preview) for _, plate, preview in await told(here)] == [("7ABC129", True), ("7ABC123", False)]
    versions = [version for version, _, _ in await told(here)]
    assert versions == sorted(set(versions))
    assert here.room.intake.superseded == 1


async def test_a_preview_whose_crop_takes_long_to_keep_does_not_come_behind_its_final_read(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, keep, store = asyncio.Event(), asyncio.Event(), here.room.foundation.objects.put

    async def slow(*picture: Any, **where: Any) -> ImageReference:
        begun.set()
        await keep.wait()
        return await store(*picture, **where)

    monkeypatch.setattr(here.room.foundation.objects, "put", slow)
    preview = asyncio.create_task(posted(here, of_pass(here, "7ABC12", crop=crop())))
    await begun.wait()
    final = await posted(here, of_pass(here, "7ABC123", 2, preview=False))
    keep.set()
    assert await preview == final
    assert await told(here) == [(1, "7ABC123", False)]
    assert here.room.intake.superseded == 1


async def test_versions_go_to_the_bus_one_after_the_other_and_no_lock_is_left(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one that is published takes the longest."""
    publish, delays = here.bus.publish, [0.1, 0.05]

    async def slow(events: Sequence[Event], *, source: str) -> None:
        await asyncio.sleep(delays.pop() if delays else 0)
        await publish(events, source=source)

    monkeypatch.setattr(here.bus, "publish", slow)
    reads = [of_pass(here, f"7ABC12{second}", second) for second in range(3)]
    await asyncio.gather(*(posted(here, read) for read in reads))
    versions = [version for version, _, _ in await told(here)]
    assert versions == [*range(1, len(versions) + 1)]
    assert not here.room.intake.turns.locks


async def test_versions_of_one_call_ascend_whatever_their_cameras_clock_says(here: Station) -> None:
    early_final = of_pass(here, "7ABC123", 0.5, preview=False)
    await posted(
        here, of_pass(here, "7ABC12", 1), early_final, here.read(read_id="other", plate="8XYZ999", pass_id=None)
    )
    assert [(read.version, read.plate) for read in await here.reads() if read.pass_id] == [
        (1, "7ABC12"),
        (2, "7ABC123"),
    ]


async def test_a_pass_ends_ten_minutes_after_it_began_and_a_read_that_comes_again_finds_its_own(here: Station) -> None:
    reads = [of_pass(here, f"{number}ABC123", number * 60 - 1800, preview=False) for number in (0, 8, 16)]
    first, second, third = [(await posted(here, read))[0] for read in reads]
    assert first == second != third
    assert await posted(here, reads[1]) == [second]
    assert [(read.id, read.version) for read in await here.reads()] == [
        (first, 1),
        (first, 2),
        (third, 1),
        (first, 2),
    ]


async def test_what_is_superseded_leaves_no_crop(here: Station) -> None:
    [first] = await posted(here, of_pass(here, "7ABC123", 2, preview=False))
    assert await posted(here, of_pass(here, "7ABC12", crop=crop())) == [first]
    assert here.objects() == []
    assert here.room.intake.superseded == 1
