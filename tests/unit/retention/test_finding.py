"""The ways of a search: each proposes all that answers, in order, from its own part of its own index."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from standing import AGENCY, Town
from unit.retention.office import START, a_read, rows, store
from unit.retention.traffic import CENTRE, FEW, expected, queries, stored_once

from platekeeper_common import areas
from platekeeper_common.events.ingest import Position
from platekeeper_retention import cells, domain, finding, storage
from platekeeper_retention.domain import Query
from platekeeper_retention.finding import Asked, Way
from platekeeper_retention.paging import Cursor


@FEW
@given(query=queries())
async def test_every_way_proposes_all_that_answers(here: Town, query: Query) -> None:
    reads = await stored_once(here)
    asked = Asked(AGENCY, query, cells.cover(query.area) if query.area else ())
    answers = {read_id for read_id, _ in expected(reads, query)}
    async with here.standing.rooms["retention"].db.tx() as tx:
        for way in finding.ways(query):
            proposed = await tx.rows(finding.keys(asked, way, None, 1000))
            keys = [(row.captured_at, row.id) for row in proposed]
            assert keys == sorted(keys, reverse=True)
            assert answers <= {read_id for _, read_id in keys} <= {read.id for read in reads}


@FEW
@given(query=queries(), limit=st.integers(1, 50), many=st.integers(1, 40))
async def test_whichever_way_is_gone_the_answer_is_the_same(here: Town, query: Query, limit: int, many: int) -> None:
    reads = await stored_once(here)
    found: list[tuple[str, int]] = []
    after = None
    async with here.standing.rooms["retention"].db.tx() as tx:
        while page := await finding.find(tx, AGENCY, query, after, limit, 60, many=many):
            found += [(kept.read.id, kept.read.version) for kept in page]
            after = Cursor("search", page[-1].read.captured_at, page[-1].read.id)
    assert found == expected(reads, query)


async def test_a_version_elsewhere_does_not_hide_the_last_one(here: Town) -> None:
    far = Position(34.2, -117.75)
    old = [a_read(number, captured_at=START, position=far, plate="9ZZZ999") for number in range(4)]
    await store(here, *old, *(a_read(number, version=2, captured_at=START, position=CENTRE) for number in range(4)))
    query = domain.query(area=AROUND)
    async with here.standing.rooms["retention"].db.tx() as tx:
        for limit in range(1, 5):
            found = await finding.find(tx, AGENCY, query, None, limit, 60, many=1)
            assert [(kept.read.id, kept.read.version) for kept in found] == [
                (f"read-{number:04}", 2) for number in range(3, 3 - limit, -1)
            ]


def plan(here: Town, statement: Select[Any]) -> str:
    dialect = sqlite.dialect(paramstyle="named")
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    values = {name: str(value) for name, value in compiled.params.items()}
    return "; ".join(row[3] for row in rows(here, f"EXPLAIN QUERY PLAN {compiled}", values))


SOON = START + timedelta(minutes=5)
EXACT = domain.query(plate="8ABC123", captured_from=START, captured_to=SOON)
BEGINNING = domain.query(prefix="8AB", captured_from=START, captured_to=SOON)
WITHIN = domain.query(pattern="*ABC*")
SOME_HOUR = domain.query(pattern="?A?*", captured_from=START, captured_to=SOON)
AROUND = areas.circle(CENTRE, 300)
DOWNTOWN = domain.query(area=AROUND, captured_from=START, captured_to=SOON)
BOTH = domain.query(area=AROUND, pattern="8A?C*")
BY_WAY: list[tuple[Way, Query, str]] = [
    (Way.PLATE, EXACT, "plate (agency_id=? AND plate=? AND captured_at"),
    (Way.PLATE, BEGINNING, "plate (agency_id=? AND plate>? AND plate<?)"),
    (Way.PLATE, BOTH, "plate (agency_id=? AND plate>? AND plate<?)"),
    (Way.TIME, WITHIN, "time (agency_id=?"),
    (Way.TIME, SOME_HOUR, "time (agency_id=? AND captured_at>? AND "),
    (Way.TIME, DOWNTOWN, "time (agency_id=? AND captured_at>? AND "),
    (Way.CELL, DOWNTOWN, "cell (agency_id=? AND cell>? AND cell<?)"),
    (Way.CELL, BOTH, "cell (agency_id=? AND cell>? AND cell<?)"),
]


@pytest.mark.parametrize("behind", [None, (START, "read-0001")])
@pytest.mark.parametrize(("way", "query", "used"), BY_WAY)
async def test_each_way_reads_only_its_part_of_its_index(
    here: Town, way: Way, query: Query, used: str, behind: finding.Key | None
) -> None:
    await store(here, a_read(1))
    assert way in finding.ways(query)
    asked = Asked(AGENCY, query, cells.cover(query.area) if query.area else ())
    steps = plan(here, finding.keys(asked, way, behind, 51))
    assert f"SEARCH plate_read USING COVERING INDEX plate_read_by_{used}" in steps
    assert ("TEMP B-TREE" in steps) == (way is not Way.TIME and query.plate is None)
    assert "SCAN plate_read" not in steps
    counted = plan(here, finding.to_look_at(asked, way))
    assert "SEARCH plate_read USING COVERING INDEX" in counted


async def test_reads_are_fetched_by_their_key(here: Town) -> None:
    await store(here, a_read(1))
    steps = plan(here, storage.last_versions(AGENCY, ["read-0001", "read-0002"]))
    assert "SEARCH plate_read USING INDEX sqlite_autoindex_plate_read_1 (agency_id=? AND id=?)" in steps
    assert "SEARCH newer USING INDEX sqlite_autoindex_plate_read_1 (agency_id=? AND id=? AND version>?)" in steps
