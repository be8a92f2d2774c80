"""The migrated schema is the one that the code works with."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from platekeeper_common.ids import AgencyId, CameraId
from platekeeper_common.migrate import migrate
from platekeeper_common.schema import shared
from platekeeper_retention import storage
from platekeeper_retention.domain import Query
from platekeeper_retention.paging import Cursor
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
    query = Query(prefix="8A", captured_from=datetime(2026, 11, 22, tzinfo=UTC), cameras=(CameraId("gate"),))
    after = Cursor("search", datetime(2026, 11, 22, tzinfo=UTC), "read")
    for statement in (storage.STORE, storage.search(AgencyId("pomona-pd"), query, after, 50)):
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
