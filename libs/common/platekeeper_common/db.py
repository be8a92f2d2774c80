"""A service's own database and its unit of work: on SQLite (`sqlite.py`) or PostgreSQL (`postgresql.py`), by URL.

`Tx` reads first and writes in one short transaction at the end, together with the events that it emits. What was read
before the first write may have changed by then: whoever decides by what is there takes `lock` first.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any, Literal, Protocol

import msgspec
from sqlalchemy import Executable, Row, Select, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from platekeeper_common import outbox, texts
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.postgresql import Postgresql
from platekeeper_common.sqlite import Sqlite

Name = Literal["sqlite", "postgresql"]
WHOLE = "whole"
"""The lock that `Tx.lock` takes: of all that the service decides."""


class Engine(Protocol):
    """What a database does in its own way; `Sqlite` and `Postgresql` say it for each."""

    @property
    def name(self) -> Name: ...  # noqa: D102
    @property
    def several_writers(self) -> bool: ...  # noqa: D102

    async def reader(self) -> AsyncConnection: ...  # noqa: D102
    async def writer(self) -> AsyncConnection: ...  # noqa: D102
    async def let_go(self, writing: AsyncConnection) -> None: ...  # noqa: D102
    async def lock(self, writing: AsyncConnection, name: str) -> None: ...  # noqa: D102
    def limited(self, connection: AsyncConnection, seconds: float) -> AbstractAsyncContextManager[None]: ...  # noqa: D102
    def confined(self, connection: AsyncConnection, role: str) -> AbstractAsyncContextManager[None]: ...  # noqa: D102
    def meaning(self, error: BaseException) -> Exception | None: ...  # noqa: D102
    def alone(self, name: str) -> AbstractAsyncContextManager[None]: ...  # noqa: D102
    async def wait(self, writing: AsyncConnection, name: str) -> None: ...  # noqa: D102
    def hearing(self, emitted: asyncio.Event) -> AbstractAsyncContextManager[None]: ...  # noqa: D102
    async def tell(self, writing: AsyncConnection) -> None: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class Tx:
    """One unit of work. Nothing that it wrote or emitted is seen by others before `commit`."""

    def __init__(self, db: "Database") -> None:
        """Begin nothing yet: the first read or write does."""
        self._db = db
        self._reading: AsyncConnection | None = None
        self._writing: AsyncConnection | None = None
        self._failed = False
        self._emitted: list[Event] = []
        self._afterwards: list[Callable[[], Awaitable[None]]] = []

    async def rows(
        self, statement: Select[Any], parameters: Any = None, *, seconds: float | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of a select, as of this unit of work's snapshot.

        Raises Unavailable, and Busy `query_too_slow` when the database works on it for longer than `seconds`.
        """
        connection = self._writing or await self._reader()
        with self._statement():
            limited = nullcontext() if seconds is None else self._db.engine.limited(connection, seconds)
            async with limited:
                found: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
                return found

    async def row(self, statement: Select[Any], parameters: Any = None) -> Row[Any] | None:
        """The first row of a select, or None."""
        rows = await self.rows(statement, parameters)
        return rows[0] if rows else None

    async def number(self, statement: Select[Any]) -> int:
        """The one number that a select counts."""
        return int((await self.rows(statement))[0][0])

    async def write(self, statement: Executable, parameters: Any = None) -> int:
        """Run an insert, update or delete; the number of rows it touched. Raises IntegrityError, Unavailable."""
        connection = await self._writer()
        with self._statement():
            return (await connection.execute(statement, parameters)).rowcount

    async def write_returning(self, statement: Executable, parameters: Any = None) -> Sequence[Row[Any]]:
        """Run a statement with RETURNING; its rows."""
        connection = await self._writer()
        with self._statement():
            return (await connection.execute(statement, parameters)).all()

    async def lock(self, name: str = WHOLE) -> None:
        """Take the write transaction now, for reads on which the coming write depends.

        Until the commit nobody else of this service has the lock of that name, in any process. On SQLite it is the lock
        of all writing. Raises Unavailable.
        """
        connection = await self._writer()
        with self._statement():
            await self._db.engine.lock(connection, name)

    async def alone(self, name: str) -> None:
        """Wait, without end, until no other process holds the name, and hold it until this unit of work ends.

        On SQLite one process has the file, and nothing is held. Raises Unavailable.
        """
        if self._db.engine.several_writers:
            connection = await self._writer()
            with self._statement():
                await self._db.engine.wait(connection, name)

    async def hold(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        """The rows of a select `with_for_update`, as they are now and stay for all others until the commit.

        PostgreSQL locks these rows, in the order of the select; SQLite all that there is.
        """
        return await self.write_returning(statement)

    @property
    def database(self) -> Name:
        """Which engine this is, for the few statements that are not the same on both."""
        return self._db.engine.name

    @asynccontextmanager
    async def confined(self, role: str) -> AsyncIterator[None]:
        """Statements within may do what the role may, and find the tables in the schema of its name.

        A second wall on PostgreSQL; nothing on SQLite. Raises Unavailable when there is no such role yet.
        """
        connection = self._writing or await self._reader()
        with self._statement():
            async with self._db.engine.confined(connection, role):
                yield

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Any]:
        """The driver's own connection, within the write transaction: for what SQLAlchemy has no words for."""
        connection = await self._writer()
        with self._statement():
            await connection.exec_driver_sql("SELECT 1")  # SQLAlchemy begins a transaction with its first statement
            yield (await connection.get_raw_connection()).driver_connection

    def emit(self, *events: Event) -> None:
        """Publish the events if, and only if, this unit of work commits.

        Raises Invalid `text_invalid` for an access record that not every ledger could keep: what it tells of is not
        done then.
        """
        texts.demand(*(msgspec.structs.asdict(event) for event in events if isinstance(event, AccessRecorded)))
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
        """Write the emitted events to the outbox and make everything durable, or nothing.

        Raises Unavailable; RuntimeError when a statement of it failed: PostgreSQL would answer COMMIT by rolling back.
        """
        if self._failed:
            raise RuntimeError("a statement of this unit of work failed: none of it can be committed")
        if self._emitted:
            connection = await self._writer()
            with self._statement():
                await outbox.add(connection, await self._numbered(connection), at=self._db.clock())
        if self._writing is not None:
            with self._statement():
                await self._writing.commit()
            if self._emitted:
                self._db.emitted.set()
                await self._db.engine.tell(self._writing)
        self._emitted = []
        afterwards, self._afterwards = self._afterwards, []
        await self.close()
        for act in afterwards:
            await act()

    async def close(self) -> None:
        """Roll back what was not committed and let go of the connections."""
        reading, self._reading = self._reading, None
        writing, self._writing = self._writing, None
        self._emitted, self._afterwards = [], []
        try:
            if reading is not None:
                await reading.close()
        finally:
            if writing is not None:
                await self._db.engine.let_go(writing)

    async def _numbered(self, connection: AsyncConnection) -> list[Event]:
        """The events with the numbers of the access records among them.

        With several writers the row of the numbers is taken in any case: whoever has it comes next in the outbox too,
        so that events lie there in the order of their commits.
        """
        records = sum(isinstance(event, AccessRecorded) for event in self._emitted)
        if not records and not self._db.engine.several_writers:
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
            with _Meaning(self._db.engine):
                self._reading = await self._db.engine.reader()
        return self._reading

    async def _writer(self) -> AsyncConnection:
        if self._writing is None:
            with _Meaning(self._db.engine):
                reading, self._reading = self._reading, None
                if reading is not None:
                    await reading.close()
                self._writing = await self._db.engine.writer()
        return self._writing

    @contextmanager
    def _statement(self) -> Iterator[None]:
        try:
            with _Meaning(self._db.engine):
                yield
        except BaseException:
            self._failed = self._failed or self._writing is not None
            raise


class Database:
    """One service's database: its own SQLite file, or its own schema in PostgreSQL."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        """Use `Database.open`."""
        self.engine = engine
        self.clock = clock
        self.emitted = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, clock: Clock = utc_now) -> AsyncIterator["Database"]:
        """Open the database at one of our URLs (`Settings.database_of`); its schema must be migrated already."""
        engine: Engine = Postgresql(url) if make_url(url).get_backend_name() == "postgresql" else Sqlite(url)
        try:
            yield cls(engine, clock)
        finally:
            await engine.close()

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """A unit of work that commits when the block ends well and leaves nothing when it does not."""
        tx = Tx(self)
        try:
            yield tx
            await tx.commit()
        finally:
            await tx.close()

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """At most one process at a time is within a block of that name; the others wait. Raises Unavailable."""
        block = self.engine.alone(name)
        with _Meaning(self.engine):
            await block.__aenter__()
        try:
            yield
        finally:
            with _Meaning(self.engine):
                await block.__aexit__(None, None, None)

    def hearing(self) -> AbstractAsyncContextManager[None]:
        """While the block lasts, `emitted` is set when any process of the service has committed events."""
        return self.engine.hearing(self.emitted)


class _Meaning:
    """Turns a driver's error into what callers know; a database that is away is not a statement that is wrong."""

    def __init__(self, engine: Engine) -> None:
        """Of that engine."""
        self._engine = engine

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, Unavailable):
            return
        if (told := self._engine.meaning(error)) is not None:
            raise told from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise Unavailable(f"database: {type(error.orig).__name__}") from error
