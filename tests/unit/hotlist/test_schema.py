from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from unit.hotlist.scene import database_url

from platekeeper_common.migrate import migrate
from platekeeper_common.schema import shared
from platekeeper_hotlist import storage
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
