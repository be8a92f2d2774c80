"""What officers say of reads is kept beside them and found by, and never alters a read (J1)."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from databases import on_both
from standing import Town, eventually
from unit.hotlist.scene import following
from unit.retention.office import (
    HARBOR,
    START,
    USE,
    a_read,
    correct,
    elements,
    records,
    refusal,
    rows,
    search,
    stop_relay,
    store,
)

from platekeeper_common.delegation import RELEASE, Delegation, Scope
from platekeeper_common.events.ingest import Position
from platekeeper_common.events.retention import ReadCorrected

pytestmark = on_both


async def found(client: httpx.AsyncClient, **asked: Any) -> list[tuple[str, bool]]:
    return [(read["id"], read["found_by_correction"]) for read in (await search(client, **asked))["reads"]]


@pytest.mark.clause("J1")
async def test_a_correction_stands_beside_the_read_which_stays_as_it_was(
    here: Town, officer: httpx.AsyncClient
) -> None:
    await store(here, a_read(1), a_read(2))
    before = (await officer.get("/v1/reads/read-0001", params=USE)).json()
    made = await correct(officer, plate="8abc-128", state="ca")
    assert made.status_code == 201
    shown = made.json()
    (said,) = shown["corrections"]
    assert shown | {"corrections": []} == before
    assert (said["plate"], said["state"], said["was"], said["verdict"]) == ("8ABC128", "CA", "8ABC123", "misread")
    assert (said["number"], said["read_version"], said["made_by_name"]) == (1, 1, "Officer")
    assert (await officer.get("/v1/reads/read-0001", params=USE)).json() == shown
    assert rows(here, "SELECT plate, version FROM plate_read WHERE id = 'read-0001'") == [("8ABC123", 1)]
    assert (await officer.get("/v1/reads/read-0002", params=USE)).json()["corrections"] == []


@pytest.mark.clause("J1")
async def test_a_search_finds_a_read_by_what_the_camera_read_and_by_what_it_was_corrected_to(
    here: Town, officer: httpx.AsyncClient
) -> None:
    place = Position(34.055, -117.75)
    await store(here, a_read(1, position=place), a_read(2, plate="8ABC128"), a_read(3, plate="7XYZ987"))
    await correct(officer, plate="8ABC128")
    assert await found(officer, plate="8ABC128") == [("read-0002", False), ("read-0001", True)]
    assert await found(officer, plate="8ABC123") == [("read-0001", False)]
    assert await found(officer, pattern="8AB*8") == [("read-0002", False), ("read-0001", True)]
    assert await found(officer, prefix="8ABC") == [("read-0002", False), ("read-0001", False)]
    assert await found(officer, plate="8ABC128", cameras=["south-gate"]) == []
    window = {"from": START.isoformat(), "to": (START + timedelta(seconds=2)).isoformat()}
    assert await found(officer, plate="8ABC128", **window) == [("read-0001", True)]
    around = {"circle": {"centre": {"latitude": 34.0551, "longitude": -117.75}, "radius": 100}}
    assert await found(officer, plate="8ABC128", area=around) == [("read-0001", True)]
    first = await search(officer, plate="8ABC128", limit=1)
    second = await search(officer, plate="8ABC128", limit=1, cursor=first["next_cursor"])
    assert [page["reads"][0]["id"] for page in (first, second)] == ["read-0002", "read-0001"]
    assert second["next_cursor"] is None


@pytest.mark.clause("J1")
async def test_what_another_officer_says_stands_beside_the_first_and_counts(
    here: Town, officer: httpx.AsyncClient
) -> None:
    await store(here, a_read(1))
    assert (await correct(officer, plate="8ABC128")).status_code == 201
    again = await correct(officer, plate="8ABC128")
    assert (again.status_code, len(again.json()["corrections"])) == (200, 1)
    async with here.client(here.person("inez", "investigator")) as other:
        assert (await correct(other, plate="8ABC128")).status_code == 200
        assert (await correct(other, plate="8ABC12B")).status_code == 201
        right_after_all = await correct(other, plate="8ABC123")
    said = [(one["number"], one["plate"], one["verdict"]) for one in right_after_all.json()["corrections"]]
    assert said == [(1, "8ABC128", "misread"), (2, "8ABC12B", "misread"), (3, "8ABC123", "confirmed")]
    assert [one["made_by_name"] for one in right_after_all.json()["corrections"]] == ["Officer", "Inez", "Inez"]
    assert await found(officer, plate="8ABC128") == []
    assert await found(officer, plate="8ABC123") == [("read-0001", False)]


async def test_what_is_no_plate_or_of_another_state_can_be_said(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1, plate="STOP"), a_read(2, state="NV"))
    assert (await correct(officer, no_plate=True)).json()["corrections"][0]["verdict"] == "no_plate"
    assert (await correct(officer, "read-0002", plate="8ABC123", state="CA")).json()["corrections"][0] | {
        "id": "",
        "made_at": "",
    } == {
        "id": "",
        "number": 1,
        "read_version": 1,
        "was": "8ABC123",
        "verdict": "state",
        "plate": "8ABC123",
        "state": "CA",
        "made_by_name": "Officer",
        "made_at": "",
    }
    assert await found(officer, plate="STOP") == [("read-0001", False)]


async def test_a_wrong_correction_says_what_is_wrong(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1, state="CA"))
    assert refusal(await correct(officer, plate="8ABC 123")) == (409, "nothing_to_correct", "J1")
    assert refusal(await correct(officer, plate="8ABC123", state="CA")) == (409, "nothing_to_correct", "J1")
    for wrong in ({}, {"plate": "8ABC128", "no_plate": True}, {"no_plate": True, "state": "CA"}, {"state": "CA"}):
        assert refusal(await correct(officer, **wrong)) == (422, "correction_invalid", "J1")
    assert refusal(await correct(officer, plate="8ÄBC")) == (422, "plate_invalid", None)
    assert refusal(await correct(officer, plate="8ABC128", state="XX")) == (422, "state_unknown", None)
    assert refusal(await correct(officer, "read-0009", plate="8ABC128")) == (404, "read_unknown", None)
    use_missing = await officer.post("/v1/reads/read-0001/corrections", json={"plate": "8ABC128"})
    assert refusal(use_missing) == (422, "purpose_required", "A1")
    await here.open_agency(HARBOR)
    async with here.client(here.person("hannah", agency_id=HARBOR)) as stranger:
        assert refusal(await correct(stranger, plate="8ABC128")) == (404, "read_unknown", None)
    assert rows(here, "SELECT count(*) FROM correction") == [(0,)]


@pytest.mark.clause("G3")
async def test_the_record_names_the_correction_and_the_bus_hears_of_it(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1))
    made = await correct(officer, plate="8ABC128")
    async with following(here, ReadCorrected.topic) as events:
        await eventually(lambda: events)
        (event,) = events
    assert isinstance(event, ReadCorrected)
    (said,) = made.json()["corrections"]
    assert (event.id, event.plate, event.verdict, event.read.plate) == (said["id"], "8ABC128", "misread", "8ABC123")
    assert event.key == "north-gate"
    await stop_relay(here)
    again = await correct(officer, plate="8ABC128")
    *_, record = records(here)  # the relay may have been stopped before it struck the first one off
    assert (record.action, record.result_ids, record.id) == (
        "read.correct",
        ("read-0001",),
        again.headers["access-record-id"],
    )
    told = await elements(here, record)
    assert told == {
        "read_id": "read-0001",
        "version": 1,
        "correction": said["id"],
        "verdict": "misread",
        "plate": "8ABC128",
    }


@pytest.mark.clause("I3")
async def test_an_approved_request_reaches_a_read_that_was_corrected_to_its_plate_and_corrects_nothing(
    here: Town, officer: httpx.AsyncClient
) -> None:
    await store(here, a_read(1), a_read(2))
    await correct(officer, plate="8ABC128")
    day = START, START + timedelta(days=1)
    window = {"from": day[0].isoformat(), "to": day[1].isoformat()}
    acting = Delegation(RELEASE, "request-1", Scope(plates=("8ABC128",), captured_from=day[0], captured_to=day[1]))
    async with here.client(here.person("officer", kind="delegated", delegation=acting)) as release:
        assert await found(release, plate="8ABC128", **window) == [("read-0001", True)]
        assert (await release.get("/v1/reads/read-0001", params=USE)).json()["corrections"][0]["plate"] == "8ABC128"
        assert refusal(await release.get("/v1/reads/read-0002", params=USE)) == (403, "outside_scope", "I3")
        assert refusal(await correct(release, plate="8ABC129")) == (403, "delegation_not_allowed", "A2")


async def test_a_better_frame_comes_and_the_correction_stays(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1))
    await correct(officer, plate="8ABC128")
    await store(here, a_read(1, plate="8ABC12B", version=2, captured_at=START + timedelta(seconds=4)))
    shown = (await officer.get("/v1/reads/read-0001", params=USE)).json()
    assert (shown["version"], shown["plate"]) == (2, "8ABC12B")
    assert [(one["read_version"], one["was"], one["plate"]) for one in shown["corrections"]] == [
        (1, "8ABC123", "8ABC128")
    ]
    assert await found(officer, plate="8ABC128") == [("read-0001", True)]


@pytest.mark.clause("J1")
async def test_what_was_said_of_a_version_can_be_said_of_the_next_where_it_means_another_thing(
    here: Town, officer: httpx.AsyncClient
) -> None:
    async def verdicts(read_id: str) -> list[tuple[int, int, str]]:
        said = (await officer.get(f"/v1/reads/{read_id}", params=USE)).json()["corrections"]
        return [(one["number"], one["read_version"], one["verdict"]) for one in said]

    await store(here, a_read(1), a_read(2), a_read(3))
    await correct(officer, plate="8ABC128")
    await correct(officer, "read-0002", plate="8ABC128")
    await correct(officer, "read-0002", plate="8ABC123")
    await correct(officer, "read-0003", plate="8ABC128")
    await store(here, *[a_read(number, plate=plate, version=2) for number, plate in enumerate(LATER, start=1)])
    assert (await correct(officer, plate="8ABC128")).status_code == 201
    assert (await correct(officer, plate="8ABC128")).status_code == 200
    assert await verdicts("read-0001") == [(1, 1, "misread"), (2, 2, "confirmed")]
    assert (await correct(officer, "read-0002", plate="8ABC123")).status_code == 201
    assert await verdicts("read-0002") == [(1, 1, "misread"), (2, 1, "confirmed"), (3, 2, "misread")]
    assert (await correct(officer, "read-0003", plate="8ABC128")).status_code == 200
    async with here.client(here.person("boss", "supervisor")) as boss:
        (camera,) = (await boss.get("/v1/accuracy", params={"from": "2026-11-22", "to": "2026-11-22"})).json()[
            "cameras"
        ]
    assert (camera["reads"], camera["looked_at"], camera["misread"], camera["confirmed"]) == (3, 3, 2, 1)


LATER = ("8ABC128", "8ABC12B", "8ABC12B")


@pytest.mark.clause("J1")
async def test_who_saw_a_version_that_is_not_the_last_looks_again(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1))
    assert (await correct(officer, plate="8ABC128", version=1)).status_code == 201
    await store(here, a_read(1, plate="8ABC12B", version=2))
    refused = await correct(officer, plate="8ABC129", version=1)
    assert refusal(refused) == (409, "read_changed", "J1")
    assert (refused.json()["version"], refused.json()["last_version"]) == (1, 2)
    assert refused.headers["content-type"] == "application/problem+json"
    assert "version 1" in refused.json()["detail"]
    assert "version 2" in refused.json()["detail"]
    assert refusal(await correct(officer, plate="8ABC129", version=3)) == (409, "read_changed", "J1")
    shown = (await search(officer, plate="8ABC12B"))["reads"][0]
    made = await correct(officer, plate="8ABC129", version=shown["version"])
    assert [one["read_version"] for one in made.json()["corrections"]] == [1, 2]
    assert (await correct(officer, plate="8ABC127")).status_code == 201


async def test_whoever_may_not_see_a_read_corrects_none(here: Town) -> None:
    await store(here, a_read(1))
    for who in (here.person("untrained", trained=False), here.person("audra", "auditor")):
        async with here.client(who) as client:
            assert (await correct(client, plate="8ABC128")).status_code == 403
    assert rows(here, "SELECT count(*) FROM correction") == [(0,)]
