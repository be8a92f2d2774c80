"""Searches through the public door: what they find, page by page, and what they refuse."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from hypothesis import given
from hypothesis import strategies as st
from standing import Town, town
from unit.retention.office import HARBOR, START, USE, a_read, search, store
from unit.retention.traffic import FEW, FEWER, canvassed, expected, queries, stored_once

from platekeeper_retention.domain import Query
from platekeeper_retention.service import SERVICE

NEARBY = {"area": {"circle": {"centre": {"latitude": 34.05, "longitude": -117.75}, "radius": 300}}}


async def all_pages(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    pages = [await search(client, **asked)]
    while pages[-1]["next_cursor"]:
        pages.append(await search(client, **asked, cursor=pages[-1]["next_cursor"]))
    assert len({page["search_id"] for page in pages}) == 1
    return [read for page in pages for read in page["reads"]]


async def found_as_by_a_plain_filter(here: Town, officer: httpx.AsyncClient, query: Query, limit: int) -> None:
    reads = await stored_once(here)
    if canvassed(query):
        found = await all_pages_of_a_canvass(here, query, limit)
    else:
        found = await all_pages(officer, **query.elements(), limit=limit)
    assert [(read["id"], read["version"]) for read in found] == expected(reads, query)


async def all_pages_of_a_canvass(here: Town, query: Query, limit: int) -> list[dict[str, Any]]:
    """What nothing is known of a plate is found by (A6)."""
    asked = query.elements()
    always = {"from": (START - timedelta(days=1)).isoformat(), "to": (START + timedelta(days=1)).isoformat()}
    canvass = {"incident_number": "26-004711", "incident_type": "other", **always, **asked}
    narrowed = {name: asked[name] for name in ("pattern", "cameras") if name in asked} | {"limit": limit}
    investigator, supervisor = here.person("iris", "investigator"), here.person("sam", "supervisor")
    async with here.client(investigator) as iris, here.client(supervisor) as sam:
        opened = {name: value for name, value in canvass.items() if name not in ("pattern", "cameras")}
        answer = await iris.post("/v1/canvasses", json=opened)
        assert answer.status_code == 201, answer.text
        place = f"/v1/canvasses/{answer.json()['id']}"
        if answer.json()["state"] == "waiting":
            await sam.post(f"{place}/approve")
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next_cursor": None, "reads": None}
        while page["reads"] is None or page["next_cursor"]:
            further = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
            page = (await iris.post(f"{place}/searches", json=narrowed | further)).json()
            found += page["reads"]
    return found


@FEW
@given(query=queries(), limit=st.integers(3, 200))
async def test_a_search_finds_what_a_plain_filter_finds(
    here: Town, officer: httpx.AsyncClient, query: Query, limit: int
) -> None:
    await found_as_by_a_plain_filter(here, officer, query, limit)


@pytest.mark.parametrize("engine", ["postgresql"])
@FEWER
@given(query=queries(), limit=st.integers(3, 200))
async def test_a_search_finds_the_same_on_postgresql(
    here: Town, officer: httpx.AsyncClient, query: Query, limit: int
) -> None:
    await found_as_by_a_plain_filter(here, officer, query, limit)


@on_both
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


@on_both
@pytest.mark.clause("H1")
async def test_nothing_is_visible_across_agencies(here: Town, officer: httpx.AsyncClient) -> None:
    await here.open_agency(HARBOR)
    await store(here, a_read(1))
    await store(here, a_read(2, agency_id=HARBOR), a_read(1, agency_id=HARBOR, lane="theirs"), agency_id=HARBOR)
    async with here.client(here.person("harbour-officer", agency_id=HARBOR)) as other:
        found = (await search(other, plate="8ABC123"))["reads"]
        assert [(read["id"], read["lane"]) for read in found] == [("read-0002", None), ("read-0001", "theirs")]
        assert (await other.get("/v1/reads/read-0001", params=USE)).json()["lane"] == "theirs"
    assert [read["id"] for read in (await search(officer, prefix="8AB"))["reads"]] == ["read-0001"]
    for path in ("", "/image", "/crop"):
        theirs = await officer.get(f"/v1/reads/read-0002{path}", params=USE)
        nobodys = await officer.get(f"/v1/reads/read-9999{path}", params=USE)
        assert (theirs.status_code, theirs.json()) == (404, nobodys.json())
        assert theirs.json()["code"] == "read_unknown"


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({}, "query_invalid"),
    ({"plate": "8ABC123", "prefix": "8A"}, "query_invalid"),
    ({"plate": "8ABC123", "pattern": "8A*"}, "query_invalid"),
    ({"prefix": "8A"}, "search_unbounded"),
    ({"pattern": "8A?C*", "from": "2026-11-22T12:00:00Z"}, "search_unbounded"),
    ({"pattern": "8A%"}, "pattern_invalid"),
    ({"area": {}}, "area_invalid"),
    ({"area": {"circle": {"centre": {"latitude": 34, "longitude": -117}, "radius": 50_001}}}, "invalid_request"),
    ({"area": {"polygon": [{"latitude": 34, "longitude": -117}] * 3}}, "area_invalid"),
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


@on_both
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


@on_both
async def test_a_search_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,), query_seconds=0.000_001) as here:
        await store(here, *(a_read(number, plate=f"8ABC{number:03}") for number in range(400)))
        async with here.client(here.person("officer")) as officer:
            answer = await officer.post("/v1/searches", json=USE | {"prefix": "8AB"})
            assert (answer.status_code, answer.json()["code"]) == (503, "query_too_slow")
            assert (await officer.get("/v1/reads/read-0001", params=USE)).status_code == 200


@pytest.mark.clause("A6")
@pytest.mark.clause("A7")
async def test_a_search_without_a_bound_is_told_which_it_lacks(here: Town, officer: httpx.AsyncClient) -> None:
    answer = await officer.post("/v1/searches", json=USE | {"pattern": "?QX*", "from": "2026-11-22T12:00:00Z"})
    told = answer.json()
    assert (answer.status_code, told["code"], told["clause"]) == (422, "search_unbounded", "A7")
    assert [bound["bound"] for bound in told["missing"]] == ["known_characters", "area", "window"]
    assert "(2 given)" in told["detail"]
    assert "to not given" in told["detail"]
    assert "QX" not in answer.text
