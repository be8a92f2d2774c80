"""Brings a service's own database to today's schema: the tables that every service has, then its own."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, make_url
from sqlalchemy.ext.asyncio import create_async_engine

COMMON = Path(__file__).parent / "migrations"


async def migrate(url: str, migrations: Path | None) -> None:
    """Run what is missing of our migrations and of those in the folder `migrations`, forward only."""
    if path := make_url(url).database:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, migrations)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, migrations: Path | None) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(COMMON))
    config.set_main_option("path_separator", "newline")
    locations = [COMMON / "versions", *([migrations] if migrations else [])]
    config.set_main_option("version_locations", "\n".join(map(str, locations)))
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
