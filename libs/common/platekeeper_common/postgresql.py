"""PostgreSQL as the database of a service: its own schema, its own roles, several writers in several processes.

Reads before the first write are of one moment (REPEATABLE READ, read only). Writing is READ COMMITTED: whoever decides
by what is there takes a lock first and reads afterwards, so that each statement sees what others committed before.
Locks are advisory ones of the service's name, or those of rows. Every wait has an end.
"""

import asyncio
import contextlib
import hashlib
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import asyncpg
import structlog
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Busy

SCHEMA = "schema"
"""The parameter of our URLs that names the schema; the driver never sees it."""
CONNECTIONS = 6
"""Of one process to one service's database, besides the one that hears."""
CONNECT_SECONDS = 5.0
WAIT_FOR_LOCK_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
"""After which a server that says nothing counts as away."""
IDLE_SECONDS = 60.0
"""After which the server ends a transaction that waits for us, so that a process that hangs holds no lock."""
HEAR_AGAIN_SECONDS = 2.0

TOO_SLOW = "57014"
AWAY = ("08", "25006", "28", "3D", "3F", "40", "42P01", "42703", "42501", "53", "55P03", "57P", "58", "XX", "25P03")
"""Beginnings of SQLSTATEs that pass: no connection, a standby, a role or a schema that is not there yet, a deadlock."""
_log = structlog.get_logger()


class Postgresql:
    """The engine over one schema."""

    name: Literal["postgresql"] = "postgresql"
    several_writers = True

    def __init__(self, url: str) -> None:
        """Open nothing yet."""
        self._pool = create(url)
        self._readers = self._pool.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._url, self.schema = split(url)
        self._channel = f"outbox_{self.schema}"
        self._hears = False

    async def reader(self) -> AsyncConnection:
        """A connection whose reads are all of one moment."""
        return await self._readers.connect()

    async def writer(self) -> AsyncConnection:
        """A connection whose transaction writes; `let_go` gives it back."""
        connection = await self._pool.connect()
        try:
            await connection.begin()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def let_go(self, writing: AsyncConnection) -> None:
        """Roll back what was not committed."""
        await writing.close()

    async def lock(self, writing: AsyncConnection, name: str) -> None:
        """Wait until nobody else has the lock of that name in this schema; it is held until the transaction ends."""
        await writing.execute(_LOCK, {"key": lock_key(self.schema, name)})

    @asynccontextmanager
    async def limited(self, connection: AsyncConnection, seconds: float) -> AsyncIterator[None]:
        """Statements within end by an error after so many seconds."""
        await connection.execute(_LIMIT, {"limit": str(max(1, math.ceil(seconds * 1000)))})
        yield
        await connection.execute(_LIMIT, {"limit": "0"})

    @asynccontextmanager
    async def confined(self, connection: AsyncConnection, role: str) -> AsyncIterator[None]:
        """Statements within run as that role, and find tables in the schema of its name."""
        there = await connection.execute(_CONFINE, {"role": role, "path": f'"{role}"'})
        if there.first() is None:
            raise Unavailable(f"database: no role {role} yet")
        yield
        await connection.execute(_RELEASE, {"path": f'"{self.schema}"'})

    def meaning(self, error: BaseException) -> Exception | None:
        """What callers are told instead of a driver's error: Busy, Unavailable; None: the error itself."""
        if isinstance(error, OSError | TimeoutError | PoolTimeout | asyncpg.InterfaceError):
            return Unavailable(f"database: {type(error).__name__}")
        if isinstance(error, DBAPIError):
            reason = (error.orig and error.orig.__cause__) or error.orig
            if error.connection_invalidated:
                return Unavailable(f"database: {type(reason).__name__}")
        elif isinstance(error, asyncpg.PostgresError):
            reason = error
        else:
            return None
        state = getattr(reason, "sqlstate", None) or ""
        if state == TOO_SLOW:
            return Busy("the question takes too long to answer; narrow it", code="query_too_slow")
        if state.startswith(AWAY) or isinstance(reason, asyncpg.InvalidCachedStatementError):
            return Unavailable(f"database: {type(reason).__name__}")
        return None

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Wait until no other process is in a block of that name; keep the others out while the connection lasts."""
        async with self._pool.connect() as connection:
            await self.wait(connection, name)
            yield

    async def wait(self, writing: AsyncConnection, name: str) -> None:
        """As `lock`, but however long it takes; this transaction may also wait for us as long as it likes."""
        await writing.execute(_UNHURRIED_LOCK, {"key": lock_key(self.schema, name)})

    @asynccontextmanager
    async def hearing(self, emitted: asyncio.Event) -> AsyncIterator[None]:
        """Set `emitted` when another process has committed events, as long as the block lasts."""
        self._hears = True
        listening = asyncio.create_task(self._listen(emitted), name=f"hear {self._channel}")
        try:
            yield
        finally:
            self._hears = False
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def tell(self, writing: AsyncConnection) -> None:
        """Wake the relay of another process when this one has none; a word that is lost is made up for by its poll.

        After the commit and not within: NOTIFY in a transaction makes all commits of the server wait for each other.
        """
        if not self._hears:
            driver = (await writing.get_raw_connection()).driver_connection
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await driver.execute(f'NOTIFY "{self._channel}"')  # type: ignore[union-attr]

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.dispose()

    async def _listen(self, emitted: asyncio.Event) -> None:
        while True:
            try:
                connection = await asyncpg.connect(dsn(self._url), timeout=CONNECT_SECONDS)
                try:
                    ended = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, ended=ended: ended.set())
                    await connection.add_listener(self._channel, lambda *_said: emitted.set())
                    emitted.set()  # what was said before anybody heard
                    await ended.wait()
                finally:
                    connection.terminate()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.debug("not heard", channel=self._channel, reason=type(error).__name__)
            await asyncio.sleep(HEAR_AGAIN_SECONDS)


def create(url: str, *, seconds: float = STATEMENT_SECONDS, **settings: str) -> AsyncEngine:
    """An engine at one of our URLs; a statement may take so many seconds; `settings` are the server's, per session."""
    address, schema = split(url)
    ours = {
        "search_path": f'"{schema}"',
        "lock_timeout": f"{WAIT_FOR_LOCK_SECONDS:.0f}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS:.0f}s",
        "application_name": f"platekeeper {schema}",
        # Our statements find few rows; compiling them costs more than it saves.
        "jit": "off",
        # By which index to search depends on what is sought; a plan for anything goes wrong.
        "plan_cache_mode": "force_custom_plan",
    }
    # An error that quotes its parameters would bring plates into the log.
    return create_async_engine(
        address,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": None if math.isinf(seconds) else seconds,
            "server_settings": ours | settings,
        },
    )


def split(url: str) -> tuple[str, str]:
    """A URL without its schema, and the schema (`public` when it names none)."""
    parsed = make_url(url)
    schema: Any = parsed.query.get(SCHEMA, "public")
    return parsed.difference_update_query([SCHEMA]).render_as_string(hide_password=False), str(schema)


def within(url: str, schema: str) -> str:
    """The URL of one schema of a database."""
    return make_url(url).update_query_dict({SCHEMA: schema}).render_as_string(hide_password=False)


def dsn(url: str) -> str:
    """One of our URLs as the driver itself takes it: without a schema, and with libpq's name for `ssl`."""
    parsed = make_url(split(url)[0]).set(drivername="postgresql")
    if mode := parsed.query.get("ssl"):
        parsed = parsed.difference_update_query(["ssl"]).update_query_dict({"sslmode": mode})
    return parsed.render_as_string(hide_password=False)


def lock_key(schema: str, name: str) -> int:
    """The key of an advisory lock: locks are of the whole database, ours of a schema."""
    return int.from_bytes(hashlib.sha256(f"{schema}/{name}".encode()).digest()[:8], signed=True)


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_LIMIT = text("SELECT set_config('statement_timeout', :limit, true)")
# Asked of the catalogue as it is now: a role may be younger than the moment whose rows this unit of work reads.
_CONFINE = text(
    "SELECT set_config('role', :role, true), set_config('search_path', :path, true)"
    " WHERE to_regrole(quote_ident(:role)) IS NOT NULL"
)
_RELEASE = text("SELECT set_config('role', 'none', true), set_config('search_path', :path, true)")
_UNHURRIED_LOCK = text(
    "SELECT set_config('lock_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),"
    " pg_advisory_xact_lock(:key)"
)
