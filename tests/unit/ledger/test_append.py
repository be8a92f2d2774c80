"""What the ledger keeps of what comes over the bus, and that nobody changes it."""

import asyncio
import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import on_both
from sqlalchemy import MetaData, create_engine
from standing import Town, eventually
from unit.ledger.samples import MOMENT, administered, looked_up, refused, send

from platekeeper_access_audit.ledger import domain, storage
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common import ids
from platekeeper_common.bus.consumer import MOST_IN_A_ROW
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.migrate import migrate
from platekeeper_common.schema import shared


def file_of(here: Town) -> Path:
    return here.standing.foundation.settings.var / "db" / "ledger.sqlite"


def kept(here: Town) -> list[dict[str, Any]]:
    names = [column.name for column in storage.access_record.columns]
    rows = here.rows("ledger", f"SELECT {', '.join(names)} FROM access_record ORDER BY position")  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in rows]


def letters(here: Town) -> list[str]:
    return [reason for (reason,) in here.rows("ledger", 'SELECT reason FROM dead_letter ORDER BY "offset"')]


def execute(file: Path, statement: str, row: Mapping[str, Any] | None = None) -> None:
    """Change the file from outside, in a thread: whoever holds its lock needs the loop to let it go."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute(statement, row or {})


def numbered(number: int, **more: Any) -> AccessRecorded:
    return looked_up(**{"id": ids.new(), "number": number, **more})


@on_both
async def test_every_field_is_kept_with_its_leaf(here: Town) -> None:
    sent = [looked_up(), administered(), refused()]
    await send(here, *sent)
    rows = {row["id"]: row for row in kept(here)}
    assert sorted(row["position"] for row in rows.values()) == [0, 1, 2]
    for record in sent:
        row = rows[record.id]
        assert row["canonical"] == domain.canonical(record)
        assert row["leaf_hash"] == domain.leaf_hash(record.salt, row["canonical"])
        assert str(row["appended_at"]).startswith("2026-11-22 18:00:00")
    async with here.standing.rooms["ledger"].db.tx() as tx:
        entries = [await storage.get(tx, record.agency_id, record.id) for record in sent]
    assert [entry.record for entry in entries if entry] == sent


@on_both
async def test_redelivery_changes_nothing(here: Town) -> None:
    await send(here, looked_up(), looked_up())
    before = kept(here)
    here.clock.advance(hours=1)
    await send(here, looked_up(), numbered(2))
    await send(here, looked_up())
    assert kept(here)[:1] == before
    assert len(kept(here)) == 2
    assert letters(here) == []


@on_both
@pytest.mark.parametrize(
    "other",
    [
        looked_up(username="somebody-else"),
        looked_up(salt="Dw4NDAsKCQgHBgUEAwIBAA=="),
        looked_up(number=7),
        looked_up(id="019c0000-0000-7000-8000-0000000000ff"),
    ],
    ids=["other content", "other salt", "same id, other number", "same number, other id"],
)
async def test_a_record_in_anothers_place_is_a_dead_letter(here: Town, other: AccessRecorded) -> None:
    await send(here, looked_up())
    before = kept(here)
    await send(here, other, numbered(2))
    assert kept(here)[:1] == before
    assert [row["number"] for row in kept(here)] == [1, 2]
    assert [reason.partition(":")[0] for reason in letters(here)] == ["record_conflict"]


@on_both
async def test_a_conflict_within_one_batch_is_found(here: Town) -> None:
    await send(here, looked_up(), looked_up(title="Chief"))
    assert [row["title"] for row in kept(here)] == ["Police Officer II"]
    assert letters(here) == ["record_conflict: another record has this id or this number"]


@on_both
@pytest.mark.clause("G3")
async def test_a_record_that_lacks_what_the_statute_asks_is_a_dead_letter(here: Town) -> None:
    await send(here, numbered(1), numbered(2, purpose=None), administered(object_id=None), numbered(3))
    assert [row["number"] for row in kept(here)] == [1, 3]
    assert sorted(letters(here)) == [
        "record_invalid: administration needs object_id",
        "record_invalid: plate_data needs purpose",
    ]


@on_both
@pytest.mark.clause("G3")
async def test_texts_that_one_engine_cannot_keep_are_dead_letters_and_stop_nobody(here: Town) -> None:
    texts = [numbered(number, matter_number="26-1\0") for number in range(1, 2 * MOST_IN_A_ROW)]
    await send(here, *texts, numbered(99, matter_number=r"C:\u0000"))
    assert [row["number"] for row in kept(here)] == [99]
    assert set(letters(here)) == {"record_invalid: a text holds U+0000, which not every database keeps"}
    async with here.client(here.person("chief", "administrator")) as chief:
        refused = await chief.get("/v1/access-records/%00")
    assert (refused.status_code, refused.json()["code"]) == (422, "text_invalid")
    await eventually(lambda: [row for row in kept(here) if row["producer"] == "ledger"])
    assert {row["object_id"] for row in kept(here)} == {None, "GET /v1/access-records/\ufffd"}
    assert len(letters(here)) == len(texts)


@on_both
async def test_numbers_may_come_late(here: Town) -> None:
    numbers = list(range(1, 31))
    random.Random(7).shuffle(numbers)
    for number in numbers:
        await send(here, numbered(number))
    assert [row["position"] for row in kept(here)] == list(range(30))
    assert [row["number"] for row in kept(here)] == numbers
    counts = await LEDGER.counts(here.standing.rooms["ledger"])
    assert (counts["records"], counts["refusals"], counts["producers_with_gaps"]) == (30, 0, 0)


@pytest.fixture
async def file(here: Town) -> Path:
    await send(here, looked_up(), administered())
    return file_of(here)


@pytest.mark.clause("G3")
@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE access_record SET username = 'nobody'",
        "UPDATE access_record SET title = title WHERE position = 0",
        "DELETE FROM access_record",
        "DELETE FROM access_record WHERE position = 1",
        "INSERT OR REPLACE INTO access_record SELECT * FROM access_record WHERE position = 0",
        "REPLACE INTO access_record SELECT * FROM access_record WHERE position = 1",
        "INSERT INTO access_record SELECT * FROM access_record WHERE true ON CONFLICT DO UPDATE SET name = 'nobody'",
        "UPDATE OR REPLACE access_record SET position = 0 WHERE position = 1",
    ],
)
async def test_the_database_refuses_to_change_a_record(here: Town, file: Path, attempt: str) -> None:
    before = kept(here)
    with pytest.raises(sqlite3.IntegrityError, match="access record"):
        await asyncio.to_thread(execute, file, attempt)
    assert kept(here) == before


@pytest.mark.clause("G3")
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"at": None}, "access_record.at"),
        ({"username": None}, "access_record.username"),
        ({"organisation": None}, "access_record.organisation"),
        ({"username": ""}, "access_record_statute"),
        ({"organisation": ""}, "access_record_statute"),
        ({"purpose": None}, "access_record_statute"),
        ({"purpose": ""}, "access_record_statute"),
        ({"query_key_id": None, "query_nonce": None, "query_ciphertext": None}, "access_record_statute"),
        ({"query_nonce": None}, "access_record_query"),
        ({"kind": "administration", "object_type": None}, "access_record_object"),
        ({"kind": "administration", "object_type": "account", "object_id": None}, "access_record_object"),
        ({"kind": "gossip"}, "access_record_kind"),
        ({"outcome": "refused", "code": None}, "access_record_outcome"),
        ({"number": 0}, "access_record_numbered"),
        ({"leaf_hash": b""}, "access_record_leaf"),
        ({"position": 9}, "next position"),
        ({"position": 1}, "next position"),
    ],
)
async def test_the_database_refuses_a_record_that_is_not_whole(
    here: Town, file: Path, changed: dict[str, Any], why: str
) -> None:
    first = next(row for row in kept(here) if row["kind"] == "plate_data")
    row = {**first, "position": 2, "id": ids.new(), "number": 2, **changed}
    marks = ", ".join(f":{name}" for name in row)
    statement = f"INSERT INTO access_record ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - the test's own names
    with pytest.raises(sqlite3.IntegrityError, match=why):
        await asyncio.to_thread(execute, file, statement, row)


@pytest.mark.clause("G3")
@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("moved", [(3, 4), (2, 4), (0, 2), (1, 2), (-1, 2)])
async def test_postgresql_takes_several_records_to_the_next_positions_alone(here: Town, moved: tuple[int, int]) -> None:
    await send(here, numbered(1), numbered(2))
    before = kept(here)
    plain = [name for name in before[0] if name not in ("position", "id", "number")]

    def several(places: tuple[int, ...]) -> str:
        rows = " UNION ALL ".join(
            f"SELECT {place}, '{ids.new()}', {10 + n}, {', '.join(plain)} FROM access_record WHERE position = 0"  # noqa: S608
            for n, place in enumerate(places)
        )
        return f"INSERT INTO access_record (position, id, number, {', '.join(plain)}) {rows}"

    with pytest.raises(Exception, match=r"next position|access_record_pkey|access_record_numbered"):
        await here.run_sql("ledger", several(moved))
    assert kept(here) == before
    await here.run_sql("ledger", several((3, 2)))
    assert [row["position"] for row in kept(here)] == [0, 1, 2, 3]


async def test_the_migrated_schema_is_the_one_in_the_code(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    await migrate(f"sqlite+aiosqlite:///{path}", LEDGER.migrations)
    everything = MetaData()
    for table in (*storage.metadata.tables.values(), *shared.tables.values()):
        table.to_metadata(everything)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), everything)
    engine.dispose()
    assert [one for one in found if "alembic_version" not in str(one)] == []


async def test_the_moment_is_kept_to_hundredths(here: Town) -> None:
    await send(here, looked_up(), msgspec.structs.replace(numbered(2), at=MOMENT.replace(microsecond=990_000)))
    assert [row["at"] for row in kept(here)] == ["2026-11-22 18:00:00.120000", "2026-11-22 18:00:00.990000"]
