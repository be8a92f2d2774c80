"""Searches through the public door: what they find, page by page, and what they refuse."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from standing import AGENCY, Town, town
from unit.retention.office import HARBOR, START, USE, a_read, rows, search, store

from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import CameraId
from platekeeper_retention import storage
from platekeeper_retention.domain import Query
from platekeeper_retention.paging import Cursor
from platekeeper_retention.service import SERVICE

CAMERAS = ("north-gate", "main-street", "car-12")


def traffic(count: int = 250) -> list[PlateRead]:
    """Reads of few plates at few moments, some in a second version, so that every kind of tie occurs."""
    dice = random.Random(20261122)
    reads = [
        a_read(
            number,
            plate="".join(dice.choices("8A9Z", k=dice.randint(1, 4))),
            camera_id=CameraId(dice.choice(CAMERAS)),
            captured_at=START + timedelta(minutes=dice.randint(0, 40)),
        )
        for number in range(count)
    ]
    return reads + [
        a_read(number, version=2, plate="8AZ", camera_id=read.camera_id, captured_at=read.captured_at)
        for number, read in enumerate(reads[:40])
    ]


def expected(reads: list[PlateRead], query: Query) -> list[tuple[str, int]]:
    """What a search must find, said without an index."""
    last = {read.id: read for read in sorted(reads, key=lambda read: read.version)}
    found = [
        read
        for read in last.values()
        if (query.plate is None or read.plate == query.plate)
        and (query.prefix is None or read.plate.startswith(query.prefix))
        and (query.captured_from is None or read.captured_at >= query.captured_from)
        and (query.captured_to is None or read.captured_at < query.captured_to)
        and (not query.cameras or read.camera_id in query.cameras)
    ]
    found.sort(key=lambda read: (read.captured_at, read.id), reverse=True)
    return [(read.id, read.version) for read in found]


@st.composite
def queries(draw: st.DrawFn) -> Query:
    exact = draw(st.booleans())
    text = draw(st.text("8A9Z", min_size=1 if exact else 2, max_size=4))
    begins, ends = sorted(draw(st.lists(st.integers(-1, 42), min_size=2, max_size=2, unique=True)))
    return Query(
        plate=text if exact else None,
        prefix=None if exact else text,
        captured_from=START + timedelta(minutes=begins) if draw(st.booleans()) else None,
        captured_to=START + timedelta(minutes=ends) if draw(st.booleans()) else None,
        cameras=tuple(sorted(CameraId(camera) for camera in draw(st.sets(st.sampled_from(CAMERAS))))),
    )


async def all_pages(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    pages = [await search(client, **asked)]
    while pages[-1]["next_cursor"]:
        pages.append(await search(client, **asked, cursor=pages[-1]["next_cursor"]))
    assert len({page["search_id"] for page in pages}) == 1
    return [read for page in pages for read in page["reads"]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries(), limit=st.integers(3, 200))
async def test_a_search_finds_what_a_plain_filter_finds(
    here: Town, officer: httpx.AsyncClient, query: Query, limit: int
) -> None:
    reads = traffic()
    if not rows(here, "SELECT 1 FROM plate_read LIMIT 1"):
        await here.open_agency(HARBOR)
        await store(here, *reads)
        foreign = [a_read(9000 + n, plate=read.plate, agency_id=HARBOR) for n, read in enumerate(reads[:50])]
        await store(here, *foreign, agency_id=HARBOR)
    found = await all_pages(officer, **query.elements(), limit=limit)
    assert [(read["id"], read["version"]) for read in found] == expected(reads, query)


async def test_pages_have_no_gaps_or_repeats_while_new_reads_arrive(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, *(a_read(number, captured_at=START) for number in range(0, 20, 2)))
    shown, cursor = [], None
    for number in range(5):
        page = await search(officer, plate="8ABC123", limit=2, **({"cursor": cursor} if cursor else {}))
        shown += [read["id"] for read in page["reads"]]
        cursor = page["next_cursor"]
        await store(here, a_read(100 + number), a_read(50 + number, captured_at=START))
    assert cursor is None
    assert shown == [f"read-{number:04}" for number in range(18, -1, -2)]


async def test_a_page_that_ends_with_the_last_read_is_the_last_page(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1), a_read(2))
    assert (await search(officer, plate="8ABC123", limit=2))["next_cursor"] is None
    assert (await search(officer, plate="8ABC123", limit=1))["next_cursor"] is not None


@pytest.mark.clause("H1")
async def test_nothing_is_visible_across_agencies(here: Town, officer: httpx.AsyncClient) -> None:
    await here.open_agency(HARBOR)
    await store(here, a_read(1))
    await store(here, a_read(2, agency_id=HARBOR), a_read(1, agency_id=HARBOR, lane="theirs"), agency_id=HARBOR)
    async with here.client(here.person("harbour-officer", agency_id=HARBOR)) as other:
        found = (await search(other, plate="8ABC123"))["reads"]
        assert [(read["id"], read["lane"]) for read in found] == [("read-0002", None), ("read-0001", "theirs")]
        assert (await other.get("/v1/reads/read-0001", params=USE)).json()["lane"] == "theirs"
    assert [read["id"] for read in (await search(officer, prefix="8A"))["reads"]] == ["read-0001"]
    for path in ("", "/image", "/crop"):
        theirs = await officer.get(f"/v1/reads/read-0002{path}", params=USE)
        nobodys = await officer.get(f"/v1/reads/read-9999{path}", params=USE)
        assert (theirs.status_code, theirs.json()) == (404, nobodys.json())
        assert theirs.json()["code"] == "read_unknown"


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({}, "query_invalid"),
    ({"plate": "8ABC123", "prefix": "8A"}, "query_invalid"),
    ({"prefix": "8"}, "prefix_too_short"),
    ({"plate": "8%"}, "plate_invalid"),
    ({"plate": "8ABC123", "from": "2026-11-22T12:00:00Z", "to": "2026-11-22T12:00:00Z"}, "window_invalid"),
    ({"plate": "8ABC123", "from": "2026-11-22T12:00:00"}, "invalid_request"),
    ({"plate": "8ABC123", "limit": 0}, "invalid_request"),
    ({"plate": "8ABC123", "limit": 201}, "invalid_request"),
    ({"plate": "8ABC123", "cameras": []}, "invalid_request"),
    ({"plate": "8ABC123", "platte": "x"}, "invalid_request"),
    ({"plate": "8ABC123", "cursor": "eyJ9"}, "cursor_invalid"),
]


async def test_a_search_that_breaks_a_bound_is_told_so_by_code(officer: httpx.AsyncClient) -> None:
    for asked, code in BROKEN:
        answer = await officer.post("/v1/searches", json=USE | asked)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert "8ABC123" not in answer.text


async def test_a_cursor_of_another_search_is_refused(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1), a_read(2))
    cursor = (await search(officer, plate="8ABC123", limit=1))["next_cursor"]
    for asked in ({"plate": "8ABC124"}, {"prefix": "8ABC123"}, {"plate": "8ABC123", "cameras": ["north-gate"]}):
        answer = await officer.post("/v1/searches", json=USE | asked | {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")
    async with here.client(here.person("colleague")) as colleague:
        answer = await colleague.post("/v1/searches", json=USE | {"plate": "8ABC123", "cursor": cursor})
        assert answer.json()["code"] == "cursor_invalid"
    page = await search(officer, plate="8abc 123", limit=200, cursor=cursor)
    assert [read["id"] for read in page["reads"]] == ["read-0001"]


async def test_a_search_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,), query_seconds=0.000_001) as here:
        await store(here, *(a_read(number, plate=f"8ABC{number:03}") for number in range(400)))
        async with here.client(here.person("officer")) as officer:
            answer = await officer.post("/v1/searches", json=USE | {"prefix": "8A"})
            assert (answer.status_code, answer.json()["code"]) == (503, "query_too_slow")
            assert (await officer.get("/v1/reads/read-0001", params=USE)).status_code == 200


def plan(here: Town, query: Query, after: Cursor | None = None) -> str:
    dialect = sqlite.dialect(paramstyle="named")
    statement = storage.search(AGENCY, query, after, 51)
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    values = {name: str(value) for name, value in compiled.params.items()}
    return "; ".join(row[3] for row in rows(here, f"EXPLAIN QUERY PLAN {compiled}", values))


@pytest.mark.parametrize("after", [None, Cursor("search", START, "read-0001")])
async def test_a_search_reads_only_its_part_of_the_index(here: Town, after: Cursor | None) -> None:
    await store(here, *traffic())
    begins, ends = START, START + timedelta(minutes=5)
    two = (CameraId("north-gate"), CameraId("car-12"))
    exact = plan(here, Query(plate="8ABC123", captured_from=begins, captured_to=ends, cameras=two), after)
    assert "plate_read USING INDEX plate_read_by_plate (agency_id=? AND plate=? AND captured_at" in exact
    assert "TEMP B-TREE" not in exact
    prefix = plan(here, Query(prefix="8AB", captured_from=begins, captured_to=ends), after)
    assert "plate_read USING INDEX plate_read_by_plate (agency_id=? AND plate>? AND plate<?)" in prefix
    for steps in (exact, prefix):
        assert "newer USING" in steps
        assert "(agency_id=? AND id=? AND version>?)" in steps
        assert "SCAN" not in steps
