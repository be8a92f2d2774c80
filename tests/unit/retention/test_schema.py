"""The migrated schema is the one that the code works with."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from platekeeper_common import areas, patterns
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import AgencyId, CameraId
from platekeeper_common.migrate import migrate
from platekeeper_common.schema import shared
from platekeeper_retention import cells, finding, storage
from platekeeper_retention.domain import Query
from platekeeper_retention.service import SERVICE
from platekeeper_retention.storage import metadata


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    declared = MetaData()
    for table in (*metadata.tables.values(), *shared.tables.values()):
        table.to_metadata(declared)
    found = compare_metadata(context, declared)
    return [change for change in found if "alembic_version" not in str(change)]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_both_engines_can_store_and_search(engine: str) -> None:
    dialect = make_url(f"{engine}://").get_dialect()()
    midnight, agency_id = datetime(2026, 11, 22, tzinfo=UTC), AgencyId("pomona-pd")
    around = areas.circle(Position(34.05, -117.75), 300)
    query = Query(pattern=patterns.parse("8A?*"), area=around, captured_from=midnight, cameras=(CameraId("gate"),))
    asked = finding.Asked(agency_id, query, cells.cover(around))
    searches = [finding.keys(asked, way, (midnight, "read"), 50) for way in finding.ways(query)]
    assert len(searches) == 3
    for statement in (storage.STORE, storage.last_versions(agency_id, ["read"]), *searches):
        assert "plate_read" in str(statement.compile(dialect=dialect))


async def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'retention.sqlite'}"
    await migrate(url, SERVICE.migrations)
    await migrate(url, SERVICE.migrations)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []


async def test_reads_stored_before_there_were_cells_get_theirs(tmp_path: Path) -> None:
    path, earlier = tmp_path / "retention.sqlite", tmp_path / "earlier"
    earlier.mkdir()
    assert SERVICE.migrations is not None
    shutil.copy(SERVICE.migrations / "0001_plate_read.py", earlier)
    await migrate(f"sqlite+aiosqlite:///{path}", earlier)
    positions = [Position(34 + number / 10_000, -117.75) for number in range(5_001)]
    with closing(sqlite3.connect(path)) as connection, connection:
        told = {row[1]: "" for row in connection.execute("PRAGMA table_info(plate_read)") if row[3]}
        insert = f"INSERT INTO plate_read ({', '.join(told)}, latitude, longitude) VALUES ({'?, ' * len(told)}?, ?)"  # noqa: S608 - names of columns
        rows = [
            [*(told | {"id": f"{number:05}"}).values(), place.latitude, place.longitude]
            for number, place in enumerate(positions)
        ]
        connection.executemany(insert, [*rows, [*(told | {"id": "nowhere"}).values(), None, None]])
    await migrate(f"sqlite+aiosqlite:///{path}", SERVICE.migrations)
    with closing(sqlite3.connect(path)) as connection:
        filled = [cell for (cell,) in connection.execute("SELECT cell FROM plate_read ORDER BY id")]
    assert filled == [*map(cells.cell, positions), None]
