"""Brings a service's own database to today's schema: the tables that every service has, then its own.

On PostgreSQL each revision is a transaction of its own, forward on a live system: it gives up a lock that it does not
get within seconds and is tried again, and indexes of tables that are there are made beside the writers (`online.py`).
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from platekeeper_common import postgresql

COMMON = Path(__file__).parent / "migrations"
LOCK_SECONDS = 3
"""How long a revision may wait for a lock: behind it everybody else would wait."""
TRIES = 20
LOOK_AGAIN_SECONDS = 0.2
LOCK_NOT_AVAILABLE = ("55P03", "40P01")
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class NotMigrated(RuntimeError):
    """The database has not the schema that this version works with; says whose."""


async def migrate(url: str, migrations: Path | None, *, role: str | None = None) -> None:
    """Run what is missing of our migrations and of those in the folder `migrations`, forward only.

    On PostgreSQL as `role`, the schema's owner, where one is named; of several callers at once one works.
    """
    if make_url(url).get_backend_name() == "postgresql":
        async with _alone(url):
            await _upgrade_live(url, migrations, role)
        return
    if path := make_url(url).database:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, migrations)
    finally:
        await engine.dispose()


async def demand_migrated(url: str, migrations: Path | None) -> None:
    """Raise NotMigrated when revisions are missing; a database that is ahead of this version is fine."""
    engine = postgresql.create(url)
    try:
        async with engine.connect() as connection:
            missing = await connection.run_sync(_missing, migrations)
    except DBAPIError as error:
        raise NotMigrated(f"{postgresql.split(url)[1]}: {type(error.orig).__name__}") from error
    finally:
        await engine.dispose()
    if missing:
        raise NotMigrated(f"{postgresql.split(url)[1]} lacks {', '.join(sorted(missing))}; run `platekeeper migrate`")


@asynccontextmanager
async def _alone(url: str) -> AsyncIterator[None]:
    """One migration of a schema at a time.

    The others ask again and again: one that waited within a statement would be waited for by CREATE INDEX CONCURRENTLY.
    """
    connection = await asyncpg.connect(postgresql.dsn(url))
    try:
        key = postgresql.lock_key(postgresql.split(url)[1], "migrate")
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):  # noqa: ASYNC110 - see above
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        yield
    finally:
        await connection.close()


async def _upgrade_live(url: str, migrations: Path | None, role: str | None) -> None:
    settings = {"lock_timeout": f"{LOCK_SECONDS}s", "idle_in_transaction_session_timeout": "0"}
    engine = postgresql.create(url, seconds=math.inf, **settings, **({"role": role} if role else {}))
    try:
        for left in reversed(range(TRIES)):
            try:
                async with _turn(), engine.connect() as connection:
                    await connection.run_sync(_upgrade, migrations)
                    await connection.commit()
            except DBAPIError as error:
                if not left or getattr(error.orig, "sqlstate", None) not in LOCK_NOT_AVAILABLE:
                    raise
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            else:
                return
    finally:
        await engine.dispose()


def _turn() -> asyncio.Lock:
    """Of the loop: Alembic keeps the migration at work in globals, and two that take turns within a loop would mix."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def _upgrade(connection: Connection, migrations: Path | None) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = _config(migrations)
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")


def _missing(connection: Connection, migrations: Path | None) -> set[str]:
    script = ScriptDirectory.from_config(_config(migrations))
    there = MigrationContext.configure(connection).get_current_heads()
    wanted = {revision.revision for revision in script.walk_revisions()}
    if not wanted.issuperset(there):
        return set()
    return wanted - {done.revision for head in there for done in script.iterate_revisions(head, "base")}


def _config(migrations: Path | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(COMMON))
    config.set_main_option("path_separator", "newline")
    locations = [COMMON / "versions", *([migrations] if migrations else [])]
    config.set_main_option("version_locations", "\n".join(map(str, locations)))
    return config
