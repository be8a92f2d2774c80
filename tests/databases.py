"""Databases for tests: a file for each service on SQLite; on the run's PostgreSQL a database of the test's own.

The test's database is a copy of one that was provisioned once in the run for the same services.
"""

import asyncio
import hashlib
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import asyncpg
import engines
import pytest
from filelock import FileLock

from platekeeper.stack import postgresql
from platekeeper.stack.process import Process
from platekeeper_common import ids
from platekeeper_common.postgresql import split
from platekeeper_common.provision import every_role, open_database, provision
from platekeeper_common.service import Service

Engine = Literal["sqlite", "postgresql"]
ENGINES: tuple[Engine, ...] = ("sqlite", "postgresql")
PASSWORD = "of-a-test"
on_both = pytest.mark.parametrize("engine", ENGINES)
"""A test, or a file of tests, that runs on SQLite and on PostgreSQL."""
T = TypeVar("T")
chosen: Engine = "sqlite"
"""The engine of the test that runs."""
_created: list[str] = []
_of_folders: dict[Path, str] = {}
"""The databases of the test's towns, by their folders: what stands again over one finds what it left."""


def server() -> str:
    """The administrator's URL of the run's PostgreSQL, with `{database}` for the name."""

    def start(folder: Path) -> tuple[Process, engines.Facts]:
        made = postgresql.Server(folder / "server", durable=False)
        made.start()
        assert made.process is not None
        return made.process, {"url": made.url("{database}")}

    return str(engines.shared("postgresql", start)["url"])


async def settings(folder: Path, services: Sequence[Service]) -> dict[str, str]:
    """The settings by which services over the folder stand on the chosen engine."""
    if chosen == "sqlite":
        return {}
    if folder not in _of_folders:
        _of_folders[folder] = await create(services)
    return {"database": as_roles(_of_folders[folder])}


async def create(services: Sequence[Service]) -> str:
    """A database of the test's own with today's schemas: the URL of its administrator."""
    url, name = server(), f"test_{ids.new()}".replace("-", "_")
    template = await asyncio.to_thread(_template, url, services)
    await _administer(url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    own = url.format(database=name)
    _created.append(name)
    async with _session(own) as session:
        for service in services:
            await open_database(session, service.name)
    return own


def stand_on(folder: Path, administrator: str) -> None:
    """What stands over the folder has that database, which the test made by itself; it is dropped with the others."""
    _created.append(administrator.rsplit("/", 1)[1])
    _of_folders[folder] = administrator


async def forget_role(role: str) -> None:
    """The server is as one that never had the role, on which nothing rests any more."""
    await _administer(server(), f'DROP ROLE IF EXISTS "{role}"')


def drop() -> None:
    """Drop the databases that the test made."""
    names = [*_created]
    _created.clear()
    _of_folders.clear()
    for name in names:
        _beside(partial(_administer, server(), f'DROP DATABASE "{name}" WITH (FORCE)'))


def as_roles(administrator: str) -> str:
    """The setting `database` for processes that are both api and worker of their services."""
    return administrator.replace(administrator.split("://")[1].split("@")[0], f"{{service}}:{PASSWORD}")


def as_administrator(roles: str) -> str:
    """The setting `database` for the administrator of what `as_roles` answered."""
    return roles.replace(roles.split("://")[1].split("@")[0], server().split("://")[1].split("@")[0])


def rows(url: str, statement: str, values: Mapping[str, Any] | None = None) -> list[Any]:
    """Committed rows of a service's database as another process would read them, each a tuple."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(split(url)[0].split("///")[1])) as connection:
            return connection.execute(statement, values or {}).fetchall()
    assert not values
    return [tuple(row) for row in _beside(lambda: _fetch(url, statement))]


async def run(url: str, statement: str) -> None:
    """Change a service's database behind its back; several statements are parted by `;`.

    In a thread: whoever holds the lock of a SQLite file just now needs the loop to let it go.
    """
    await asyncio.to_thread(_run, url, statement)


def _run(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(split(url)[0].split("///")[1], isolation_level=None)) as connection:
            connection.executescript(statement)
    else:
        _beside(lambda: _fetch(url, statement, script=True))


async def _fetch(url: str, statement: str, *, script: bool = False) -> list[Any]:
    address, schema = split(url)
    user = address.split("://")[1].split("@")[0]
    administrator = server().split("://")[1].split("@")[0]
    async with _session(address.replace(user, administrator), search_path=f'"{schema}"') as session:
        return [await session.execute(statement)] if script else list(await session.fetch(statement))


@asynccontextmanager
async def _session(url: str, **settings: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1), server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def _administer(url: str, statement: str) -> None:
    async with _session(url.format(database="postgres")) as session:
        await session.execute(statement)


def _template(url: str, services: Sequence[Service]) -> str:
    """The name of the run's provisioned database for these services."""
    known = "/".join(f"{service.name} {service.migrations}" for service in services)
    name = f"template_{hashlib.sha256(known.encode()).hexdigest()[:16]}"
    made = Path(os.environ[engines.VARIABLE]) / f"{name}.made"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            _beside(lambda: _make_template(url, name, services))
            made.touch()
    return name


async def _make_template(url: str, name: str, services: Sequence[Service]) -> None:
    await _administer(url, f'CREATE DATABASE "{name}"')
    await provision(url.format(database=name), services, dict.fromkeys(every_role(services), PASSWORD))


def _beside(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the work answers, on a loop of its own."""
    answered: list[T] = []
    failed: list[BaseException] = []

    def do() -> None:
        try:
            answered.append(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 - told to whoever asked
            failed.append(error)

    thread = threading.Thread(target=do)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return answered[0]
