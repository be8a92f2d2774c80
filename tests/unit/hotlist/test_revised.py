"""A better version of a read revises the hits that it raised: whoever was told of a misreading is told so (J1)."""

from datetime import timedelta
from typing import Any

import pytest
from databases import on_both
from msgspec.structs import replace
from standing import Town
from unit.hotlist.scene import USE, handled, hits, list_plate, listening, open_list, publish, raised, seen, serving

from platekeeper_common.events.recognition import PlateRead


async def listed(here: Town, *plates: str) -> None:
    who = here.person("ines", "investigator")
    list_id = await open_list(here, who)
    for plate in plates:
        await list_plate(here, who, list_id, plate)


async def shown(here: Town, *reads: PlateRead) -> list[dict[str, Any]]:
    """The hits after these reads, by the moment of capture and the plate that raised them."""
    await publish(here, *reads)
    await handled(here)
    found = await hits(here, here.person())
    return sorted(found, key=lambda hit: (hit["read"]["captured_at"], hit["read"]["plate"]))


@on_both
@pytest.mark.clause("J1")
async def test_a_hit_on_a_misreading_is_told_to_be_one_and_swallows_no_news(here: Town) -> None:
    await listed(here, "7SAM123")
    read = seen(here, "7SAM123")
    better = replace(read, version=2, plate="7SAH128", confidence=0.95, frames=4)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        [hit] = await shown(here, read)
        assert hit["revised"] is None
        [hit] = await shown(here, better)
        assert await shown(here, better, read) == [hit]
        [_, news] = await shown(here, seen(here, "7SAM123", captured_at=here.clock() + timedelta(seconds=1)))
        told = await ears.hear(3)
    assert [event.event for event in told] == ["hit", "hit_revised", "hit"]
    assert [event.json()["id"] for event in told] == [hit["id"], hit["id"], news["id"]]
    assert told[1].json()["revised"] == hit["revised"]
    assert {name: hit["revised"][name] for name in ("version", "plate", "confidence", "kind")} == {
        "version": 2,
        "plate": "7SAH128",
        "confidence": 0.95,
        "kind": None,
    }
    assert (hit["read"]["plate"], hit["kind"], hit["sightings"]) == ("7SAM123", "exact", 1)


async def test_a_look_alike_that_turns_out_exact_is_told_as_such_and_then_counts_what_comes(here: Town) -> None:
    await listed(here, "7SAM123")
    read = seen(here, "75AM123")
    await shown(here, read)
    [hit] = await shown(here, replace(read, version=2, plate="7SAM123"))
    assert (hit["kind"], hit["revised"]["kind"], hit["revised"]["plate"]) == ("look_alike", "exact", "7SAM123")
    [again] = await shown(here, seen(here, "7SAM123"))
    assert (again["id"], again["sightings"]) == (hit["id"], 2)


async def test_a_version_that_is_merely_surer_says_nothing_and_one_that_meets_another_entry_raises_a_hit(
    here: Town,
) -> None:
    await listed(here, "7SAM123", "8XYZ999")
    read = seen(here, "7SAM123")
    await shown(here, read)
    [hit] = await shown(here, replace(read, version=2, confidence=0.99))
    assert hit["revised"] is None
    [first, second] = await shown(here, replace(read, version=3, plate="8XYZ999"))
    assert (first["id"], first["revised"]["kind"], second["read"]["plate"]) == (hit["id"], None, "8XYZ999")
    [first, _] = await shown(here, replace(read, version=4))
    assert (first["revised"]["version"], first["revised"]["kind"]) == (4, "exact")


async def test_of_versions_that_come_together_the_last_alone_raises_a_hit(here: Town) -> None:
    await listed(here, "7SAM123")
    read = seen(here, "7SAM123")
    assert await shown(here, read) != []
    other = seen(here, "8XYZ999")
    [_] = await shown(here, replace(other, plate="7SAM123"), replace(other, version=2))


@pytest.mark.clause("J1")
async def test_an_entry_that_left_its_list_makes_no_misreading_of_the_hit_that_it_raised(here: Town) -> None:
    who = here.person("ines", "investigator")
    list_id = await open_list(here, who)
    entry_id = await list_plate(here, who, list_id, "7SAM123", state="CA")
    previews = [seen(here, "75AM123", preview=True, captured_at=here.clock() - timedelta(hours=n)) for n in (2, 1, 0)]
    await shown(here, *previews)
    async with here.client(who) as client:
        gone = await client.delete(f"/v1/hotlists/{list_id}/entries/{entry_id}", params=USE)
        assert gone.status_code == 204, gone.text
    finals = ({"plate": "7SAM123"}, {"plate": "7SAM123", "state": "NV"}, {"plate": "7SAH123"})
    found = await shown(
        here, *(replace(read, version=2, preview=False, **said) for read, said in zip(previews, finals, strict=True))
    )
    assert [hit["revised"]["kind"] for hit in found] == ["exact", None, None]
    assert len(await raised(here, 6)) == 6


async def test_a_version_that_comes_after_a_better_one_is_told_by_nobody(here: Town) -> None:
    await listed(here, "7SAM123", "8XYZ999")
    preview, other = seen(here, "7SAM123", preview=True), seen(here, "8XYZ999", preview=True)
    await shown(here, replace(preview, version=3, plate="4NTH999"))
    assert await shown(here, replace(preview, version=2), preview) == []
    await shown(here, replace(other, version=2))
    [hit] = await shown(here, other)
    assert (hit["read"]["version"], hit["sightings"], hit["revised"]) == (2, 1, None)
