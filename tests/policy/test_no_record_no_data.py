"""No audit, no data, at every door: whatever opens plate data asks the record first (B8)."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import databases
import httpx
import pytest
from policy.test_authorization import ACTS, doors
from standing import Town, town
from unit.hotlist.scene import handled, list_plate, open_list
from unit.release.desk import desk
from unit.retention.office import a_read, keep, store

from platekeeper.registry import SERVICES

PLATE = "7KXQ042"
USE = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}
BROKEN = "CREATE TRIGGER broken BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'broken'); END"
ENTRY = {"plate": PLATE, "category": "stolen_vehicle", "reason": "Taken last night"} | USE
SAID: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/hotlists/{list_id}/entries"): {"json": ENTRY},
    ("POST", "/v1/hotlists/{list_id}/imports"): {"content": b"", "headers": {"Content-Type": "text/csv"}},
}
"""What a door wants to hear before it begins."""
ASK_FIRST = {f"/v1/release-requests/{{request_id}}/{act}" for act in ("decision", "fulfilment")}
"""These begin by asking a neighbour, accounts or retention, and are tried below, where all of it stands."""
KEEPERS = ("hotlist", "retention", "release", "ledger")
"""Services that hold plate data."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """Every service."""
    async with town(tmp_path / "var", SERVICES) as standing:
        yield standing


def plate_doors(here: Town) -> Iterator[tuple[str, str, str]]:
    """Method, path and a role that may, of every door that opens plate data."""
    for door, action in doors(here):
        row = ACTS[action.value] if action else {}
        if row.get("plate_data"):
            method, _, path = door.partition(" ")
            yield method, path, _may(row)


def _may(row: Mapping[str, Any]) -> str:
    if row["who"] == "every person":
        return "officer"
    # Who holds the post in these tests has the role of its name.
    return str(row["who"][0] if row["who"] else row["post"])


def unavailable(answer: httpx.Response) -> bool:
    """Whether it is the refusal for want of a record, without a plate."""
    told = answer.json()
    refused = (answer.status_code, told.get("code"), told.get("clause")) == (503, "audit_unavailable", "B8")
    return refused and PLATE not in answer.text


@pytest.mark.clause("B8")
async def test_every_door_to_plate_data_is_shut_while_records_cannot_be_delivered(here: Town) -> None:
    await here.standing.foundation.bus.close()
    here.clock.advance(minutes=6)
    open_doors, knocked = [], 0
    for method, path, role in plate_doors(here):
        async with here.client(here.person(f"a-{role}", role)) as client:
            answer = await client.request(method, path, params=USE, **SAID.get((method, path), {}))
        knocked += 1
        if not unavailable(answer) and path not in ASK_FIRST:
            open_doors.append((method, path, answer.status_code, answer.text))
    assert open_doors == []
    assert knocked > 30


@pytest.mark.clause("B8")
async def test_no_door_shows_plate_data_whose_record_cannot_be_written(here: Town) -> None:
    picture = await keep(here, b"\x89PNG\r\n\x1a\n the street", "image", "image/png")
    crop = await keep(here, b"\x89PNG\r\n\x1a\n the plate", "crop", "image/png")
    person = here.person("quentin", "investigator")
    listed = await open_list(here, person)
    await list_plate(here, person, listed, PLATE)
    await store(here, a_read(1, plate=PLATE, image=picture, crop=crop))
    await handled(here)
    tracing = here.person("inspector", "auditor")
    trace = {"plate": PLATE, "purpose": "other_le", "matter_type": "other", "matter_number": "IA-26-3"}
    trace["reason"] = "Complaint 26-3 of the registered owner"
    async with here.client(person) as client, here.client(tracing) as auditor:
        hit = (await client.get("/v1/hits", params=USE)).json()["hits"][0]["id"]
        asked: list[tuple[httpx.AsyncClient, str, str, dict[str, Any]]] = [
            (client, "POST", "/v1/searches", {"json": USE | {"plate": PLATE}}),
            (client, "GET", "/v1/reads/read-0001", {"params": USE}),
            (client, "GET", "/v1/reads/read-0001/image", {"params": USE}),
            (client, "GET", "/v1/reads/read-0001/crop", {"params": USE}),
            (client, "POST", "/v1/reads/read-0001/corrections", {"json": USE | {"plate": "7KXO042"}}),
            (client, "GET", "/v1/hits", {"params": USE}),
            (client, "GET", f"/v1/hits/{hit}", {"params": USE}),
            (client, "GET", f"/v1/hits/{hit}/sightings", {"params": USE}),
            (client, "GET", "/v1/hits/stream", {"params": USE}),
            (client, "GET", "/v1/hotlists", {"params": USE}),
            (client, "GET", f"/v1/hotlists/{listed}/entries", {"params": USE}),
            (client, "GET", f"/v1/hotlists/{listed}/imports", {"params": USE}),
            (client, "GET", "/v1/reported-partials", {"params": USE}),
            (client, "GET", "/v1/canvasses", {"params": USE}),
            (client, "GET", "/v1/release-requests", {"params": USE}),
            (auditor, "POST", "/v1/access-records/who-searched", {"json": trace}),
            (auditor, "POST", "/v1/access-records/export", {"json": trace}),
            (auditor, "GET", "/v1/access-records/export", {"params": {"username": "quentin"}}),
        ]
        for who, method, path, more in asked:
            if not path.endswith("/stream"):
                answer = await who.request(method, path, **more)
                assert answer.is_success, (path, answer.text)
        for service in KEEPERS:
            await here.run_sql(service, BROKEN)
        for who, method, path, more in asked:
            answer = await who.request(method, path, **more)
            assert unavailable(answer), (path, answer.text)


@pytest.mark.clause("B8")
async def test_no_package_is_handed_out_whose_record_cannot_be_written(tmp_path: Path) -> None:
    async with desk(tmp_path / "var") as at:
        await at.store(await at.photographed(1, plate=PLATE))
        request = await at.approved()
        assert (await at.fulfil(request)).is_success
        unsent, asked = await at.approved(), (await at.receive())["id"]
        await databases.run(at.house.standing.foundation.settings.database_of("release"), BROKEN)
        doors = (("GET", f"{request}/package"), ("POST", f"{request}/fulfilment"), ("POST", f"{unsent}/fulfilment"))
        for method, path in doors:
            assert unavailable(await at.clerk.request(method, f"/v1/release-requests/{path}")), path
        assert unavailable(await at.decide(asked))
        await databases.run(at.house.standing.foundation.settings.database_of("release"), "DROP TRIGGER broken")
        await databases.run(at.house.standing.foundation.settings.database_of("retention"), BROKEN)
        answer = await at.clerk.request("POST", f"/v1/release-requests/{unsent}/fulfilment")
        assert (answer.status_code, PLATE in answer.text) == (503, False)
