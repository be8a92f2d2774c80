"""The migrated schema is the one that the tables declare."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

from platekeeper_common.migrate import migrate
from platekeeper_common.schema import shared
from platekeeper_ingest import storage
from platekeeper_ingest.service import SERVICE


async def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    file = tmp_path / "ingest.sqlite"
    await migrate(f"sqlite+aiosqlite:///{file}", SERVICE.migrations)
    declared = MetaData()
    for table in (*shared.tables.values(), *storage.metadata.tables.values()):
        table.to_metadata(declared)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), declared) == []
    engine.dispose()
