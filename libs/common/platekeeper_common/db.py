"""A service's own database and its unit of work, on SQLite now and PostgreSQL by URL.

`Tx` reads first and writes in one short transaction at the end, together with the events that it emits. On SQLite a
deferred transaction that reads and then writes fails beside another writer (SQLITE_BUSY_SNAPSHOT), and an immediate
one around the reading starves the writers; so reads use their own connections and the writer's is taken by the first
write.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Executable, Row, Select, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from platekeeper_common import outbox
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.errors import Busy
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event

STEPS_BETWEEN_LOOKS = 1_000
"""How many steps of SQLite's machine pass between two looks at the clock of a read with a time limit."""


class Tx:
    """One unit of work. Nothing that it wrote or emitted is seen by others before `commit`."""

    def __init__(self, db: "Database") -> None:
        """Begin nothing yet: the first read or write does."""
        self._db = db
        self._reading: AsyncConnection | None = None
        self._writing: AsyncConnection | None = None
        self._emitted: list[Event] = []
        self._afterwards: list[Callable[[], Awaitable[None]]] = []

    async def rows(
        self, statement: Select[Any], parameters: Any = None, *, seconds: float | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of a select, as of this unit of work's snapshot.

        Raises Unavailable, and Busy `query_too_slow` when the database works on it for longer than `seconds`.
        """
        connection = self._writing or await self._reader()
        async with _limited(connection, seconds):
            found: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
            return found

    async def row(self, statement: Select[Any], parameters: Any = None) -> Row[Any] | None:
        """The first row of a select, or None."""
        rows = await self.rows(statement, parameters)
        return rows[0] if rows else None

    async def write(self, statement: Executable, parameters: Any = None) -> int:
        """Run an insert, update or delete; the number of rows it touched. Raises IntegrityError, Unavailable."""
        connection = await self._writer()
        with _unavailable():
            return (await connection.execute(statement, parameters)).rowcount

    async def write_returning(self, statement: Executable, parameters: Any = None) -> Sequence[Row[Any]]:
        """Run a statement with RETURNING; its rows."""
        connection = await self._writer()
        with _unavailable():
            return (await connection.execute(statement, parameters)).all()

    async def lock(self) -> None:
        """Take the write transaction now, for reads on which the coming write depends."""
        await self._writer()

    def emit(self, *events: Event) -> None:
        """Publish the events if, and only if, this unit of work commits."""
        self._emitted.extend(events)

    def after_commit(self, act: Callable[[], Awaitable[None]]) -> None:
        """Run `act` when this unit of work has committed, before the caller is answered; never when it has not.

        For what the process holds in memory of what was written. `act` must not fail: what it belongs to is durable.
        """
        self._afterwards.append(act)

    @property
    def recorded(self) -> bool:
        """Whether an access record is among what was emitted."""
        return bool(self.record_ids)

    @property
    def record_ids(self) -> tuple[str, ...]:
        """The ids of the access records among what was emitted."""
        return tuple(event.id for event in self._emitted if isinstance(event, AccessRecorded))

    async def commit(self) -> None:
        """Write the emitted events to the outbox and make everything durable, or nothing. Raises Unavailable."""
        if self._emitted:
            connection = await self._writer()
            with _unavailable():
                await outbox.add(connection, await self._numbered(connection), at=self._db.clock())
        if self._writing is not None:
            with _unavailable():
                await self._writing.commit()
        sent, self._emitted = bool(self._emitted), []
        afterwards, self._afterwards = self._afterwards, []
        await self.close()
        if sent:
            self._db.emitted.set()
        for act in afterwards:
            await act()

    async def close(self) -> None:
        """Roll back what was not committed and let go of the connections."""
        reading, self._reading = self._reading, None
        writing, self._writing = self._writing, None
        self._emitted, self._afterwards = [], []
        if reading is not None:
            await reading.close()
        if writing is not None:
            try:
                await writing.close()
            finally:
                self._db.writer.release()

    async def _numbered(self, connection: AsyncConnection) -> list[Event]:
        records = sum(isinstance(event, AccessRecorded) for event in self._emitted)
        if not records:
            return self._emitted
        number = await outbox.take_numbers(connection, records) - records
        numbered = []
        for emitted in self._emitted:
            if isinstance(emitted, AccessRecorded):
                number += 1
                emitted = msgspec.structs.replace(emitted, number=number)
            numbered.append(emitted)
        return numbered

    async def _reader(self) -> AsyncConnection:
        if self._reading is None:
            with _unavailable():
                self._reading = await self._db.readers.connect()
        return self._reading

    async def _writer(self) -> AsyncConnection:
        if self._writing is None:
            await self._db.writer.acquire()
            try:
                if self._reading is not None:
                    reading, self._reading = self._reading, None
                    await reading.close()
                with _unavailable():
                    self._writing = await self._db.writers.connect()
                    await self._writing.begin()
            except BaseException:
                if self._writing is not None:
                    await self._writing.close()
                    self._writing = None
                self._db.writer.release()
                raise
        return self._writing


class Database:
    """One service's database: its own SQLite file, or its own schema behind a URL."""

    def __init__(self, readers: AsyncEngine, writers: AsyncEngine, clock: Clock) -> None:
        """Use `Database.open`."""
        self.readers = readers
        self.writers = writers
        self.clock = clock
        self.writer = asyncio.Lock()
        self.emitted = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, clock: Clock = utc_now) -> AsyncIterator["Database"]:
        """Open the database at an SQLAlchemy URL (`sqlite+aiosqlite:///file`); its schema must be migrated already."""
        path = make_url(url).database
        if path is None:
            raise ValueError(f"a database URL must name its file: {url}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        writers = _sqlite(url, "BEGIN IMMEDIATE", query_only=False)
        readers = _sqlite(url, "BEGIN", query_only=True)
        try:
            yield cls(readers, writers, clock)
        finally:
            await readers.dispose()
            await writers.dispose()

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """A unit of work that commits when the block ends well and leaves nothing when it does not."""
        tx = Tx(self)
        try:
            yield tx
            await tx.commit()
        finally:
            await tx.close()


def _sqlite(url: str, begin: str, *, query_only: bool) -> AsyncEngine:
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


@asynccontextmanager
async def _limited(connection: AsyncConnection, seconds: float | None) -> AsyncIterator[None]:
    with _unavailable():
        if seconds is None:
            yield
            return
        # A cancelled await would leave SQLite's thread at work: only its own progress handler stops a statement.
        deadline = time.monotonic() + seconds
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 - a connection in use has one
        await driver.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            await driver.set_progress_handler(None, 0)


class _unavailable:  # noqa: N801 - reads as a statement
    """Tell a database that is away from a statement that is wrong."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OperationalError) and getattr(error.orig, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            raise Busy("the question takes too long to answer; narrow it", code="query_too_slow") from error
        if isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise Unavailable(f"database: {type(error.orig).__name__}") from error
