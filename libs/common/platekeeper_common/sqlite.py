"""SQLite as the database of a service: a file of its own, one writer at a time.

A deferred transaction that reads and then writes fails beside another writer (SQLITE_BUSY_SNAPSHOT), and an immediate
one around the reading starves the writers; so reads use their own connections and the writer's is taken by the first
write.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Busy

STEPS_BETWEEN_LOOKS = 1_000
"""How many steps of SQLite's machine pass between two looks at the clock of a read with a time limit."""


class Sqlite:
    """The engine over one file."""

    name: Literal["sqlite"] = "sqlite"
    several_writers = False

    def __init__(self, url: str) -> None:
        """Open nothing yet. Raises ValueError for a URL without a file."""
        path = make_url(url).database
        if path is None:
            raise ValueError(f"a database URL must name its file: {url}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._writers = _engine(url, "BEGIN IMMEDIATE", query_only=False)
        self._readers = _engine(url, "BEGIN", query_only=True)
        self._writer = asyncio.Lock()
        self._blocks: dict[str, asyncio.Lock] = {}

    async def reader(self) -> AsyncConnection:
        """A connection whose reads are all of one moment."""
        return await self._readers.connect()

    async def writer(self) -> AsyncConnection:
        """The connection that writes, its transaction begun, once nobody else has it; `let_go` gives it back."""
        await self._writer.acquire()
        try:
            connection = await self._writers.connect()
            try:
                await connection.begin()
            except BaseException:
                await connection.close()
                raise
        except BaseException:
            self._writer.release()
            raise
        return connection

    async def let_go(self, writing: AsyncConnection) -> None:
        """Roll back what was not committed; the next may write."""
        try:
            await writing.close()
        finally:
            self._writer.release()

    async def lock(self, _writing: AsyncConnection, _name: str) -> None:
        """Nothing: whoever writes is alone."""

    @asynccontextmanager
    async def limited(self, connection: AsyncConnection, seconds: float) -> AsyncIterator[None]:
        """Statements within end by an error after so many seconds."""
        # A cancelled await would leave SQLite's thread at work: only its own progress handler stops a statement.
        deadline = time.monotonic() + seconds
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 - a connection in use has one
        await driver.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            await driver.set_progress_handler(None, 0)

    @asynccontextmanager
    async def confined(self, _connection: AsyncConnection, _role: str) -> AsyncIterator[None]:
        """Nothing: a file has no roles."""
        yield

    def meaning(self, error: BaseException) -> Exception | None:
        """What callers are told instead of a driver's error: Busy, Unavailable; None: the error itself."""
        if not isinstance(error, OperationalError):
            return None
        if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            return Busy("the question takes too long to answer; narrow it", code="query_too_slow")
        return Unavailable(f"database: {type(error.orig).__name__}")

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """No other task of this process is in a block of that name; no other process has the file."""
        async with self._blocks.setdefault(name, asyncio.Lock()):
            yield

    async def wait(self, _writing: AsyncConnection, _name: str) -> None:
        """Nobody else is there."""

    @asynccontextmanager
    async def hearing(self, _emitted: asyncio.Event) -> AsyncIterator[None]:
        """Nobody else emits."""
        yield

    async def tell(self, _writing: AsyncConnection) -> None:
        """Nobody else listens."""

    async def close(self) -> None:
        """Close every connection."""
        await self._readers.dispose()
        await self._writers.dispose()


def _engine(url: str, begin: str, *, query_only: bool) -> AsyncEngine:
    # The log is checkpointed and truncated by the purge; secure_delete overwrites what was deleted.
    pragmas = (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA secure_delete=ON",
        "PRAGMA foreign_keys=ON",
        f"PRAGMA query_only={'ON' if query_only else 'OFF'}",
    )
    # An error that quotes its parameters would bring plates into the log.
    engine = create_async_engine(
        url, pool_size=4 if query_only else 1, connect_args={"timeout": 5}, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
