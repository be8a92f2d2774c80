import shutil
from pathlib import Path

import msgspec
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from contracts.bus.samples import hit
from sqlalchemy import Connection, MetaData, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from unit.hotlist.scene import database_url

from platekeeper_common.db import Database
from platekeeper_common.ids import EntryId
from platekeeper_common.migrate import migrate
from platekeeper_common.schema import shared
from platekeeper_hotlist import correction_storage, hits, sightings, storage
from platekeeper_hotlist.service import SERVICE


async def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    url = database_url(tmp_path / "hotlist.sqlite")
    await migrate(url, SERVICE.migrations)
    declared = MetaData()
    for table in (*storage.metadata.tables.values(), *shared.tables.values()):
        table.to_metadata(declared)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, declared))

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_a_hit_of_before_is_its_own_first_sighting(tmp_path: Path) -> None:
    url, before = database_url(tmp_path / "hotlist.sqlite"), tmp_path / "before"
    before.mkdir()
    assert SERVICE.migrations is not None
    shutil.copy(SERVICE.migrations / "0001_lists.py", before)
    await migrate(url, before)
    hits_kept = [hit(number) for number in range(1_100)]
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO hit VALUES (:id, :agency, :read, :entry, 'exact', 0.9, :late, :raised, :data)"),
            [
                {
                    "id": one.id,
                    "agency": one.agency_id,
                    "read": one.read.id,
                    "entry": one.entry.id,
                    "late": one.late,
                    "raised": one.raised_at.replace(tzinfo=None).isoformat(" "),
                    "data": msgspec.json.encode(one),
                }
                for one in hits_kept
            ],
        )
    await engine.dispose()
    await migrate(url, SERVICE.migrations)
    async with Database.open(url) as db, db.tx() as tx:
        for one in (hits_kept[0], hits_kept[-1]):
            assert await hits.find(tx, one.agency_id, one.id) == sightings.as_raised(one)
            [seen] = await hits.sightings_of(tx, one.id, None, 2)
            assert (seen.read_id, seen.plate, seen.captured_at, seen.counted_at) == (
                one.read.id,
                one.read.plate,
                one.read.captured_at,
                one.raised_at,
            )
        assert (await hits.counts(tx))["sightings"] == len(hits_kept)


async def test_what_was_said_before_ages_with_its_read_where_that_is_known(tmp_path: Path) -> None:
    url, before = database_url(tmp_path / "hotlist.sqlite"), tmp_path / "before"
    assert SERVICE.migrations is not None
    shutil.copytree(SERVICE.migrations, before, ignore=shutil.ignore_patterns("0007*"))
    await migrate(url, before)
    one = hit(1)
    at = one.raised_at.replace(tzinfo=None).isoformat(" ")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO sighting VALUES (:read, 'entry', 'hit', 'agency', '7SAM123', 'exact', 0.9, 0, 'camera',"
                " :received, :received, NULL, NULL, :at)"
            ),
            {"read": one.read.id, "received": "2026-11-01 12:00:00", "at": at},
        )
        for read_id in (one.read.id, "of-no-hit"):
            await connection.execute(
                text(
                    "INSERT INTO read_correction VALUES"
                    " ('agency', :read, 1, 'id', '7SAM123', 'no_plate', NULL, NULL, 'Ines', '2026-11-02 12:00:00')"
                ),
                {"read": read_id},
            )
    await engine.dispose()
    await migrate(url, SERVICE.migrations)
    said = correction_storage.read_correction
    async with Database.open(url) as db, db.tx() as tx:
        rows = await tx.rows(select(said.c.read_id, said.c.received_at))
        assert {row.read_id: row.received_at.day for row in rows} == {one.read.id: 1, "of-no-hit": 2}
        assert await hits.counted(tx, [(one.read.id, EntryId("entry"))]) == {(one.read.id, "entry"): None}
