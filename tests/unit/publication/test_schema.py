"""The migrated schema is the one that the code works with."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from platekeeper_access_audit.publication.service import PUBLICATION
from platekeeper_access_audit.publication.storage import metadata
from platekeeper_common.migrate import migrate
from platekeeper_common.public_statements import stated
from platekeeper_common.schema import shared


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    declared = MetaData()
    for table in (*metadata.tables.values(), *shared.tables.values()):
        table.to_metadata(declared)
    return [change for change in compare_metadata(context, declared) if "alembic_version" not in str(change)]


async def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    assert stated.name in shared.tables
    url = f"sqlite+aiosqlite:///{tmp_path / 'publication.sqlite'}"
    await migrate(url, PUBLICATION.migrations)
    await migrate(url, PUBLICATION.migrations)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []
