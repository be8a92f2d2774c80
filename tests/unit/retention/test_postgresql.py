"""The records office on PostgreSQL: partitions, the second wall, COPY, and by which index each kind of search goes."""

import random
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select, literal, select, text
from sqlalchemy.dialects import postgresql
from standing import AGENCY, Town, eventually
from unit.retention.office import HARBOR, START, USE, a_read, rows, run_sql, search, store
from unit.retention.traffic import CENTRE, FEWER, expected, queries, stored_once

from platekeeper_common import areas, ids
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.db import Database
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import AgencyId
from platekeeper_retention import cells, domain, finding, partitions, storage
from platekeeper_retention.domain import Query
from platekeeper_retention.finding import Asked, Way
from platekeeper_retention.paging import Cursor

pytestmark = pytest.mark.parametrize("engine", ["postgresql"])


def db(here: Town) -> Database:
    return here.standing.rooms["retention"].db


def partitions_of(here: Town, agency: str = AGENCY, table: str = "plate_read") -> list[str]:
    listed = f"SELECT tablename FROM pg_tables WHERE schemaname = 'retention_of_{agency}'"  # noqa: S608
    return sorted(name for (name,) in rows(here, listed) if name.startswith(table))


@FEWER
@given(query=queries(), limit=st.integers(1, 50), many=st.integers(1, 40))
async def test_whichever_way_is_gone_the_answer_is_the_same(here: Town, query: Query, limit: int, many: int) -> None:
    reads = await stored_once(here)
    found: list[tuple[str, int]] = []
    after = None
    async with db(here).tx() as tx:
        while page := await finding.find(tx, AGENCY, query, after, limit, 60, many=many):
            found += [(kept.read.id, kept.read.version) for kept in page]
            after = Cursor("search", page[-1].read.captured_at, page[-1].read.id)
    assert found == expected(reads, query)


async def test_there_is_room_for_the_next_months_before_a_read_comes(here: Town) -> None:
    ahead = ["plate_read", "plate_read_2026_11", "plate_read_2026_12", "plate_read_2027_01"]
    await eventually(lambda: partitions_of(here) == ahead)
    here.clock.advance(days=31)
    await eventually(lambda: partitions_of(here) == [*ahead, "plate_read_2027_02"])
    await here.open_agency(HARBOR)
    await eventually(lambda: len(partitions_of(here, HARBOR)) == 4)


async def test_a_read_of_a_month_without_room_makes_it(here: Town) -> None:
    await store(here, a_read(1, captured_at=START - timedelta(days=400)), a_read(2, captured_at=START))
    assert "plate_read_2025_10" in partitions_of(here)
    assert rows(here, "SELECT count(*) FROM plate_read") == [(2,)]


async def test_an_agency_that_is_opened_while_a_search_has_begun_can_be_searched(here: Town) -> None:
    late = AgencyId(f"opened-late-{ids.new()[-6:]}")
    async with db(here).tx() as tx:
        await tx.rows(select(literal(1)))
        async with db(here).tx() as other:
            await partitions.make_room(other, {(late, date(2026, 11, 1))})
        async with partitions.own_reads(tx, late):
            assert await tx.rows(select(text("id")).select_from(text("plate_read"))) == []


@pytest.mark.parametrize("month", [date(2026, 11, 2), date(2026, 12, 31)])
async def test_room_is_made_for_months_and_agencies_alone(here: Town, month: date) -> None:
    for agency, when in ((AGENCY, month), ("Robert'); --", date(2026, 11, 1))):
        with pytest.raises(Exception, match="no agency or no month"):
            async with db(here).tx() as tx:
                await tx.write(text("SELECT make_room(:a, :m)"), {"a": [agency], "m": [when]})


async def test_an_upload_that_is_tried_again_in_the_next_month_is_stored_once(here: Town) -> None:
    captured = datetime(2026, 10, 31, 23, 59, 58, tzinfo=UTC)
    first = a_read(1, captured_at=captured, received_at=captured + timedelta(seconds=1))
    again = a_read(1, captured_at=captured, received_at=captured + timedelta(seconds=3))
    other = a_read(2, captured_at=captured, received_at=captured + timedelta(seconds=3))
    await store(here, first)
    await store(here, again, other)
    await store(here, again, first)
    assert rows(here, "SELECT id, received_month::text FROM plate_read ORDER BY id") == [
        ("read-0001", "2026-10-01"),
        ("read-0002", "2026-11-01"),
    ]
    await store(here, a_read(3, captured_at=captured, received_at=captured + timedelta(days=40)), a_read(3, version=2))
    assert rows(here, "SELECT count(*) FROM plate_read WHERE id = 'read-0003'") == [(2,)]


async def test_a_search_by_time_finds_what_was_received_months_later(here: Town, officer: Any) -> None:
    late = a_read(1, captured_at=START, received_at=START + timedelta(days=95))
    await store(here, late, a_read(2, captured_at=START + timedelta(minutes=1)))
    window = {"from": "2026-11-22T12:00:00Z", "to": "2026-11-22T12:00:30Z"}
    for asked in ({"plate": "8ABC123"}, {"prefix": "8AB"}, {"pattern": "*ABC*"}):
        found = (await search(officer, **asked, **window))["reads"]
        assert [read["id"] for read in found] == [late.id]


@pytest.mark.clause("H1")
async def test_what_is_said_of_reads_lies_in_their_partitions_behind_the_same_wall(here: Town, officer: Any) -> None:
    await here.open_agency(HARBOR)
    october = START - timedelta(days=40)
    await store(here, a_read(1, captured_at=october), a_read(2))
    await store(here, a_read(3, agency_id=HARBOR), agency_id=HARBOR)
    assert partitions_of(here, table="correction") == ["correction"]
    async with here.client(here.person("hannah", agency_id=HARBOR)) as other:
        for client, number in ((officer, 1), (other, 3)):
            answer = await client.post(f"/v1/reads/read-{number:04}/corrections", json=USE | {"plate": "8ABC128"})
            assert answer.status_code == 201
    assert partitions_of(here, table="correction") == ["correction", "correction_2026_10"]
    assert partitions_of(here, table="look") == ["look", "look_2026_10"]
    assert partitions_of(here, HARBOR, "correction") == ["correction", "correction_2026_11"]

    async def ask(statement: str, *, own: bool = True) -> list[Any]:
        async with db(here).tx() as tx:
            if not own:
                return list(await tx.rows(text(statement)))  # type: ignore[arg-type]
            async with partitions.own_reads(tx, AGENCY):
                return list(await tx.rows(text(statement)))  # type: ignore[arg-type]

    assert [row.read_id for row in await ask("SELECT read_id FROM correction")] == ["read-0001"]
    for forbidden in ("retention.correction", f'"retention_of_{HARBOR}".correction', "retention.look"):
        with pytest.raises(Unavailable):
            await ask(f"SELECT * FROM {forbidden}")  # noqa: S608 - names of tables
    with pytest.raises(Unavailable):
        await ask("SELECT plate FROM correction", own=False)


async def test_an_agency_from_before_there_were_corrections_gets_room_for_them(here: Town, officer: Any) -> None:
    await store(here, a_read(1))
    migration = import_module("platekeeper_retention.migrations.0006_corrections")
    own = f'"retention_of_{AGENCY}"'
    await run_sql(here, f"DROP TABLE {own}.correction, {own}.look; SET ROLE retention_owner;{migration.FILL}")
    assert (await search(officer, plate="8ABC123"))["reads"][0]["corrections"] == []
    said = await officer.post("/v1/reads/read-0001/corrections", json=USE | {"plate": "8ABC128"})
    assert said.status_code == 201
    assert (await search(officer, plate="8ABC128"))["reads"][0]["found_by_correction"]


async def test_the_corrections_are_looked_through_before_the_reads(here: Town, officer: Any) -> None:
    await store(here, *(a_read(number, plate=f"9XYZ{number:03}") for number in range(500)))
    await officer.post("/v1/reads/read-0001/corrections", json=USE | {"plate": "9XYZ002"})
    await run_sql(here, "ANALYZE")
    asked = finding.Asked(AGENCY, domain.query(pattern="9XYZ*"), (), "postgresql")
    told = await plan(here, finding.corrected_keys(asked, (SOON, "read"), 50))
    assert "correction_2026_11" in told
    assert "Seq Scan on plate_read_2026_11" not in told, "months that are empty yet may be gone through"
    assert "plate_read_2026_11_agency_id_captured_at" not in told


@pytest.mark.clause("H1")
async def test_an_agencys_role_reads_its_own_partition_and_nothing_else(here: Town) -> None:
    await here.open_agency(HARBOR)
    await store(here, a_read(1))
    await store(here, a_read(2, agency_id=HARBOR), agency_id=HARBOR)

    async def ask(statement: str) -> list[Any]:
        async with db(here).tx() as tx, partitions.own_reads(tx, AGENCY):
            return list(await tx.rows(text(statement)))  # type: ignore[arg-type]

    assert [row.id for row in await ask("SELECT id FROM plate_read")] == ["read-0001"]
    assert await ask(f"SELECT id FROM plate_read WHERE agency_id = '{HARBOR}'") == []  # noqa: S608
    for table in (f'"retention_of_{HARBOR}".plate_read', "retention.plate_read", "retention.outbox"):
        with pytest.raises(Unavailable, match="InsufficientPrivilegeError"):
            await ask(f"SELECT * FROM {table}")  # noqa: S608
    for write in ("DELETE FROM plate_read RETURNING id", "UPDATE plate_read SET plate = 'X' RETURNING id"):
        with pytest.raises(Unavailable, match=r"InsufficientPrivilegeError|ReadOnlySQLTransactionError"):
            await ask(write)


@pytest.mark.clause("H1")
async def test_without_an_agencys_role_no_plate_is_read(here: Town) -> None:
    await store(here, a_read(1))
    async with db(here).tx() as tx:
        assert [tuple(row) for row in await tx.rows(text("SELECT id FROM plate_read"))] == [("read-0001",)]  # type: ignore[arg-type]
    for statement in (
        "SELECT plate FROM plate_read",
        'SELECT * FROM "retention_of_pomona-pd".plate_read',
        "UPDATE plate_read SET plate = 'X'",
        "DELETE FROM plate_read",
        "TRUNCATE plate_read",
        "DROP TABLE plate_read",
    ):
        with pytest.raises(Unavailable, match="InsufficientPrivilegeError"):
            async with db(here).tx() as tx:
                await tx.write(text(statement))


async def test_the_role_ends_with_the_search(here: Town) -> None:
    await store(here, a_read(1))
    async with db(here).tx() as tx:
        await storage.get(tx, AGENCY, "read-0001")
        (row,) = await tx.rows(text("SELECT current_user, current_schema"))  # type: ignore[arg-type]
        assert tuple(row) == ("retention", "retention")
        with pytest.raises(Unavailable, match="no role retention_of_nobody yet"):
            await storage.get(tx, "nobody", "read-0001")  # type: ignore[arg-type]


SOON = START + timedelta(minutes=5)
IN_A_WEEK = START + timedelta(days=7)
AROUND = areas.circle(CENTRE, 150)
KINDS: list[tuple[Way, Query, str]] = [
    (Way.PLATE, domain.query(plate="8ABC123"), "plate_captured"),
    (Way.PLATE, domain.query(plate="8ABC123", captured_from=START, captured_to=IN_A_WEEK), "plate_captured"),
    (Way.PLATE, domain.query(prefix="8ABC1", captured_from=START, captured_to=SOON), "plate_captured"),
    (Way.PIECE, domain.query(pattern="*ABC1*"), "plate_idx"),
    (Way.PIECE, domain.query(pattern="?ABC1?3", area=AROUND), "plate_idx"),
    (Way.TIME, domain.query(pattern="?A?*", captured_from=START, captured_to=SOON), "captured_at_id"),
    (Way.CELL, domain.query(area=AROUND, captured_from=START, captured_to=SOON), "cell_captured"),
    (Way.CELL, domain.query(area=AROUND, pattern="?A?*"), "cell_captured"),
]


FULL = "Seq Scan on plate_read_2026_11"
"""Of the month that holds reads; of one that is empty nothing else is worth while."""


async def plan(here: Town, statement: Select[Any]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    asked = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    async with db(here).tx() as tx, partitions.own_reads(tx, AGENCY):
        told = await tx.rows(text(f"EXPLAIN {asked}".replace(":", "\\:")))  # type: ignore[arg-type]
        return "\n".join(row[0] for row in told)


async def test_each_kind_of_search_goes_by_its_index(here: Town) -> None:
    dice = random.Random(7)
    for _ in range(8):
        some = [
            a_read(
                dice.randrange(10**9),
                id=f"read-{dice.random()}",
                plate="".join(dice.choices("ABCDEFGHKLMNPRSTUVWXYZ0123456789", k=7)),
                captured_at=START + timedelta(seconds=dice.randrange(86_400 * 8)),
                position=Position(CENTRE.latitude + dice.uniform(-1, 1), CENTRE.longitude + dice.uniform(-1, 1)),
            )
            for _ in range(500)
        ]
        await store(here, *some, a_read(1))
    await run_sql(here, "ANALYZE")
    for way, query, index in KINDS:
        assert way in finding.ways(query, "postgresql")
        asked = Asked(AGENCY, query, cells.cover(query.area) if query.area else (), "postgresql")
        for behind in (None, (SOON, "read-0001")):
            steps = await plan(here, finding.keys(asked, way, behind, 51))
            assert FULL not in steps, (query, steps)
            assert index in steps, (query, steps)
    steps = await plan(here, storage.last_versions(AGENCY, ["read-0001", "read-0002"]))
    assert FULL not in steps, steps
    assert "_pkey" in steps


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(here: Town) -> None:
    async with db(here).tx() as tx:
        with pytest.raises(Exception, match="takes too long"):
            await tx.rows(text("SELECT pg_sleep(20)"), seconds=0.05)  # type: ignore[arg-type]


async def test_nobody_connects_as_an_owner_or_as_an_agency(here: Town) -> None:
    address = here.standing.foundation.settings.database_of("retention").split("?")[0].replace("+asyncpg", "")
    await eventually(lambda: partitions_of(here))
    for role in ("retention_owner", f"retention_of_{AGENCY}"):
        with pytest.raises(asyncpg.PostgresError):
            await asyncpg.connect(address.replace("retention:", f"{role}:"))
