"""Plates, names and ids go in by every door; every byte that anybody can get without a token is looked at (H2, H3)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import msgspec
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from standing import AGENCY, Town, eventually, town
from unit.hotlist.scene import handled, list_plate, open_list
from unit.retention.office import a_read, store

from platekeeper.registry import SERVICES
from platekeeper_common.edge import declared_action
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.catalogue import EVENTS
from platekeeper_common.events.public import Searches, Statement
from platekeeper_common.ids import ReadId
from platekeeper_hotlist.storage import metadata as hotlist_tables
from platekeeper_retention.service import SERVICE as RETENTION
from platekeeper_retention.storage import metadata as retention_tables

SECRET = ("7KXQ042", "quentin", "Quentin", "account-quentin", "a-very-secret-read", "26-009911", "north-gate-of-town")
"""A plate, a username and name, an account, a read, a matter's number, a camera."""
SEARCHES = {"stolen_vehicle": 12, "warrant": 3}
READS, REFUSED = 15, 11


async def used(here: Town) -> None:
    """Reads, hits, searches and refusals of November, full of what must not be seen."""
    person = here.person("quentin", "investigator")
    listed = await open_list(here, person, name="Watch for 7KXQ042")
    await list_plate(here, person, listed, "7KXQ042", reason="Quentin saw 7KXQ042")
    reads = [
        a_read(number, id=ReadId(f"a-very-secret-read-{number}"), plate="7KXQ042", camera_id="north-gate-of-town")
        for number in range(READS)
    ]
    await store(here, *reads)
    await handled(here)
    async with here.client(person) as asking:
        for purpose, count in SEARCHES.items():
            use = {"purpose": purpose, "matter_type": "criminal", "matter_number": "26-009911"}
            for _ in range(count):
                answer = await asking.post("/v1/searches", json=use | {"plate": "7KXQ042"})
                assert answer.status_code == 201, answer.text
        for _ in range(REFUSED):
            refused = await asking.post("/v1/searches", json={"purpose": "7KXQ042", "plate": "7KXQ042"})
            assert refused.status_code == 422
    bus = here.standing.foundation.bus

    async def recorded() -> bool:
        return await bus.backlog("ledger", AccessRecorded.topic) == 0

    await eventually(recorded)


def public_doors(here: Town) -> Iterator[tuple[str, str]]:
    """Method and path of every route of every service that declares no action."""
    for app in here.standing.apps.values():
        for context in iter_route_contexts(app.routes):
            route = context.original_route
            if isinstance(route, APIRoute) and declared_action(route) is None:
                for method in sorted(context.methods or ()):
                    yield method, context.path or route.path


def spelt(path: str) -> Iterator[str]:
    """The path with what a curious stranger would put into it."""
    parameters = re.findall(r"\{(\w+)\}", path)
    values = (str(AGENCY), "1", "1.json", f"{AGENCY}.json", f"{AGENCY}.pdf", "7KXQ042", "a-very-secret-read-0")
    for value in values if parameters else ("",):
        yield re.sub(r"\{(\w+)\}", lambda name, value=value: str(AGENCY) if name[1] == "agency_id" else value, path)  # type: ignore[misc]


@pytest.mark.clause("H2")
@pytest.mark.clause("H3")
async def test_no_public_door_of_any_service_tells_anything_of_anybody(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES, statement_seconds=0.2, peer_seconds=30) as here:
        await used(here)
        await here.let_pass(days=11)
        async with here.client() as anybody:
            month = await eventually(lambda: reported(anybody))
            assert month["figures"]["reads"] == READS
            assert month["figures"]["refusals"] == REFUSED
            assert month["figures"]["hits"] == {"fewer_than": 11}
            assert month["searches_by_purpose"]["stolen_vehicle"] == SEARCHES["stolen_vehicle"]
            assert month["searches_by_purpose"]["warrant"] == {"fewer_than": 11}
            assert month["figures"]["searches"] == {"at_least": SEARCHES["stolen_vehicle"]}
            looked = 0
            for method, path in public_doors(here):
                for door in spelt(path):
                    answer = await anybody.request(method, door, json={} if method == "POST" else None)
                    asked = {word for word in SECRET if word in door}
                    found = {word for word in SECRET if word.lower().encode() in answer.content.lower()}
                    assert found <= asked, (method, door, found)
                    looked += 1
            assert looked > 40
        with_content = here.rows("retention", "SELECT content FROM stated")
        said = b"".join(bytes(content) for (content,) in with_content)
        assert said
        assert not [word for word in SECRET if word.lower().encode() in said.lower()]


async def reported(anybody: httpx.AsyncClient) -> Any:
    """November, once every service has told its part."""
    told = (await anybody.get(f"/transparency/{AGENCY}.json")).json()
    (month,) = [one for one in told["months"] if one["month"] == "2026-11"] or [None]
    whole = {"reads", "hits", "searches", "refusals", "releases", "releases_refused", "purges"}
    return month if month and set(month["figures"]) >= whole else None


PERSONAL = re.compile(r"plate|read_id|username|account|subject|query|image|crop|position|latitude|vehicle$")


@pytest.mark.clause("H2")
def test_a_statement_has_no_field_for_a_read_or_a_user() -> None:
    for kind in get_args(Statement):
        for name in fields(kind):
            assert not PERSONAL.search(name) or name in Searches.__struct_fields__, (kind, name)


ATTRIBUTES = re.compile(
    r"face|gender|^sex$|race|ethnic|skin|hair|cloth|occupant|driver|passenger|person_|^age$|biometric"
)


@pytest.mark.clause("H3", "pomona", "galt", "la-port")
def test_no_event_has_a_field_for_what_a_person_looks_like() -> None:
    seen = {name for event in EVENTS for name in fields(event)}
    assert {"plate", "box", "crop"} <= seen
    assert [name for name in sorted(seen) if ATTRIBUTES.search(name)] == []


@pytest.mark.clause("H3", "pomona", "galt", "la-port")
def test_no_table_of_reads_or_hits_has_a_column_for_what_a_person_looks_like() -> None:
    for tables in (hotlist_tables, retention_tables):
        columns = {column.name for table in tables.tables.values() for column in table.columns}
        assert "plate" in columns
        assert [name for name in sorted(columns) if ATTRIBUTES.search(name)] == []


@pytest.mark.clause("H3", "pomona", "galt", "la-port")
async def test_a_search_shows_no_picture_of_anybody(tmp_path: Path) -> None:
    """Crop first: what a search answers names the read; its crop and the whole picture are doors of their own."""
    async with town(tmp_path / "var", (RETENTION,)) as here, here.client(here.person("ines")) as asking:
        await store(here, a_read(1))
        use = {"purpose": "stolen_vehicle", "matter_type": "patrol"}
        answer = await asking.post("/v1/searches", json=use | {"plate": "8ABC123"})
        assert answer.status_code == 201
        assert answer.headers["content-type"] == "application/json"
        assert len(answer.json()["reads"]) == 1
        assert "base64" not in answer.text


def fields(kind: Any, seen: frozenset[Any] = frozenset()) -> Iterator[str]:
    """The names of all fields of a struct, at every depth."""
    for told in msgspec.structs.fields(kind):
        yield told.name
        for inner in inside(told.type):
            if inner not in seen:
                yield from fields(inner, seen | {inner})


def inside(kind: Any) -> Iterator[Any]:
    """The structs within a type."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in get_args(kind):
        yield from inside(part)
