"""The file of the embedded bus: one SQLite database with the records, the two ends of each partition and the cursors.

All writes go through one thread and share transactions: what many callers hand in at once is one commit (WAL,
`synchronous=FULL`: durable on return). Reads have a connection and a thread of their own. Plates lie in the values, so
the file is for its owner alone and deleted bytes are overwritten (`secure_delete`).
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from platekeeper_common.bus.contract import Record, Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

VERSION = 1
MOST_JOBS = 500
"""How many callers share one transaction at most."""
MOST_BYTES = 8 << 20
"""How many bytes of values one reading brings at most, save that it always brings one record."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES = f"""
CREATE TABLE head (
    log INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    oldest INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE record (
    log INTEGER NOT NULL, offset INTEGER NOT NULL, at INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (log, offset));
CREATE INDEX record_age ON record (log, at);
CREATE TABLE cursor (
    consumer_group TEXT NOT NULL, log INTEGER NOT NULL, next INTEGER NOT NULL, epoch INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, log)) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""


@dataclass(slots=True)
class Head:
    """One partition: its number in the file, its first kept offset and the offset that comes next."""

    log: int
    topic: str
    partition: int
    oldest: int
    next: int


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work[Any]
    then: Callable[[Any], None] | None
    answer: "asyncio.Future[Any]"


class Journal:
    """The open file. `write` and `read` raise Unavailable when SQLite cannot do it or the journal is closed."""

    def __init__(self, path: Path, *, patience: float) -> None:
        """Open or create the file; `patience`: seconds to wait for another's lock. Raises Unavailable, ValueError."""
        self.closed = False
        self._jobs: list[_Job] = []
        self._committing: asyncio.Task[None] | None = None
        try:
            self._writing = _open(path, patience)
            self._reading = _connect(path, patience)
        except sqlite3.Error as error:
            raise Unavailable(f"the bus file {path} cannot be opened: {error}") from error
        self._reading.execute("PRAGMA query_only = ON")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="bus-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="bus-reader")

    async def write(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        """The answer of `work`, once it is durable.

        `then` gets the answer on the event loop right after the commit, also when the caller no longer waits. Work
        whose caller left before its transaction began is not done.
        """
        self.check_open()
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append(_Job(work, then, answer))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await answer

    async def read(self, work: Work[T]) -> T:
        """The answer of `work`, which may only read."""
        self.check_open()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, work, self._reading)
        except sqlite3.Error as error:
            raise Unavailable(f"the bus file cannot be read: {error}") from error

    async def checkpoint(self) -> None:
        """Move everything into the database and empty the write-ahead log. Raises Unavailable when it is being read."""
        self.check_open()
        try:
            row = await asyncio.get_running_loop().run_in_executor(self._writer, _truncate_log, self._writing)
        except sqlite3.Error as error:
            raise Unavailable(f"the write-ahead log cannot be emptied: {error}") from error
        if row[0]:
            raise Unavailable("the write-ahead log cannot be emptied: it is being read")

    async def close(self) -> None:
        """Finish what was handed in, then close the file."""
        if self.closed:
            return
        self.closed = True
        if self._committing is not None:
            await asyncio.wait([self._committing])
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader, self._reading.close)
        await loop.run_in_executor(self._writer, self._writing.close)
        self._reader.shutdown()
        self._writer.shutdown()

    def check_open(self) -> None:
        """Raises Unavailable when the journal is closed."""
        if self.closed:
            raise Unavailable("the bus is closed")

    async def _commit_all(self) -> None:
        while self._jobs:
            jobs = [job for job in self._jobs[:MOST_JOBS] if not job.answer.done()]
            del self._jobs[:MOST_JOBS]
            if not jobs:
                continue
            running = asyncio.get_running_loop().run_in_executor(self._writer, self._commit, jobs)
            await asyncio.wait([running])
            if (fault := running.exception()) is not None:
                _fail(jobs, fault)
            else:
                _answer(jobs, running.result())
        self._committing = None

    def _commit(self, jobs: list[_Job]) -> list[Any]:
        connection = self._writing
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [job.work(connection) for job in jobs]
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return answers


def heads(connection: sqlite3.Connection) -> list[Head]:
    """Every partition in the file."""
    rows = connection.execute("SELECT log, topic, partition, oldest, next FROM head ORDER BY topic, partition")
    return [Head(*row) for row in rows]


def cursors(connection: sqlite3.Connection) -> list[tuple[str, int, int, int]]:
    """Every group's place: group, log, next offset, epoch."""
    return connection.execute("SELECT consumer_group, log, next, epoch FROM cursor").fetchall()


def declare(connection: sqlite3.Connection, *, topic: str, partitions: int) -> None:
    """Make the topic's partitions, unless it has some already: their number is fixed for life."""
    if connection.execute("SELECT 1 FROM head WHERE topic = ?", (topic,)).fetchone() is None:
        rows = ((topic, partition) for partition in range(partitions))
        connection.executemany("INSERT INTO head (topic, partition) VALUES (?, ?)", rows)


def append(connection: sqlite3.Connection, *, batches: dict[int, list[tuple[str, bytes]]], at: int) -> dict[int, int]:
    """Append each log's keys and values, in order, stamped `at`; answers each log's next offset."""
    ends = {}
    for log, batch in batches.items():
        claimed = connection.execute("UPDATE head SET next = next + ? WHERE log = ? RETURNING next", (len(batch), log))
        [(end,)] = claimed.fetchall()
        first = end - len(batch)
        rows = ((log, first + place, at, key, value) for place, (key, value) in enumerate(batch))
        connection.executemany("INSERT INTO record (log, offset, at, key, value) VALUES (?, ?, ?, ?, ?)", rows)
        ends[log] = end
    return ends


def records(connection: sqlite3.Connection, *, head: Head, start: int, most: int) -> list[Record]:
    """Up to `most` records of the partition from offset `start` on, in order, bounded by MOST_BYTES too."""
    found: list[Record] = []
    size = 0
    query = "SELECT offset, key, value, at FROM record WHERE log = ? AND offset >= ? ORDER BY offset LIMIT ?"
    with closing(connection.execute(query, (head.log, start, most))) as rows:
        for offset, key, value, at in rows:
            found.append(Record(head.topic, head.partition, offset, key, value, _EPOCH + timedelta(microseconds=at)))
            size += len(value)
            if size >= MOST_BYTES:
                break
    return found


def stamps(connection: sqlite3.Connection, *, starts: dict[int, int]) -> dict[int, datetime]:
    """When the first record from each log's offset on was published; without the logs that have none."""
    query = "SELECT at FROM record WHERE log = ? AND offset >= ? ORDER BY offset LIMIT 1"
    found = ((log, connection.execute(query, (log, start)).fetchone()) for log, start in starts.items())
    return {log: _EPOCH + timedelta(microseconds=row[0]) for log, row in found if row is not None}


def register(connection: sqlite3.Connection, *, group: str, logs: Iterable[int]) -> list[tuple[int, int, int]]:
    """Give the group a cursor in each log, a new one at the oldest record; answers log, next offset, epoch of each."""
    wanted = set(logs)
    connection.executemany(
        "INSERT OR IGNORE INTO cursor SELECT ?, log, oldest, 0 FROM head WHERE log = ?",
        ((group, log) for log in wanted),
    )
    rows = connection.execute("SELECT log, next, epoch FROM cursor WHERE consumer_group = ?", (group,))
    return [row for row in rows if row[0] in wanted]


def take(connection: sqlite3.Connection, *, group: str, log: int) -> tuple[int, int]:
    """Begin a new epoch of the group's cursor; answers the next offset and the epoch. Who held it is fenced."""
    taken = connection.execute(
        "UPDATE cursor SET epoch = epoch + 1 WHERE consumer_group = ? AND log = ? RETURNING next, epoch", (group, log)
    )
    [(following, epoch)] = taken.fetchall()
    return following, epoch


def advance(connection: sqlite3.Connection, *, group: str, log: int, following: int, epoch: int) -> bool:
    """Move the group's cursor to `following`; False, and nothing changed, when another epoch has begun."""
    moved = connection.execute(
        "UPDATE cursor SET next = ? WHERE consumer_group = ? AND log = ? AND epoch = ?", (following, group, log, epoch)
    )
    return moved.rowcount == 1


def drop(connection: sqlite3.Connection, *, log: int, before: int, below: int, most: int) -> tuple[int, int]:
    """Remove up to `most` records stamped before `before` with offsets below `below`.

    Answers how many went and the oldest offset kept.
    """
    gone = connection.execute(
        "DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE log = ? AND at < ? AND offset < ? LIMIT ?)",
        (log, before, below, most),
    )
    moved = connection.execute(
        "UPDATE head SET oldest = coalesce((SELECT min(offset) FROM record WHERE record.log = head.log), next)"
        " WHERE log = ? RETURNING oldest",
        (log,),
    )
    [(oldest,)] = moved.fetchall()
    return gone.rowcount, oldest


def compact(connection: sqlite3.Connection, *, log: int, handled: int, before: int) -> int:
    """Remove records with a later one of their key, if below offset `handled` or stamped before `before`."""
    gone = connection.execute(
        "DELETE FROM record WHERE log = ?1 AND (offset < ?2 OR at < ?3)"
        " AND offset NOT IN (SELECT max(offset) FROM record WHERE log = ?1 GROUP BY key)",
        (log, handled, before),
    )
    return gone.rowcount


def stamp(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _open(path: Path, patience: float) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _connect(path, patience)
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL")
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    elif version != VERSION:
        connection.close()
        raise ValueError(f"the bus file {path} has format {version}; this program knows {VERSION}")
    return connection


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)


def _truncate_log(connection: sqlite3.Connection) -> tuple[int, int, int]:
    [row] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    busy, pages, moved = row
    return busy, pages, moved


def _answer(jobs: list[_Job], answers: list[Any]) -> None:
    for job, answer in zip(jobs, answers, strict=True):
        if job.then is not None:
            job.then(answer)
        with suppress(asyncio.InvalidStateError):
            job.answer.set_result(answer)


def _fail(jobs: list[_Job], reason: BaseException) -> None:
    for job in jobs:
        failure = reason
        if isinstance(reason, sqlite3.Error):
            failure = Unavailable(f"the bus file cannot be written: {reason}")
            failure.__cause__ = reason
        with suppress(asyncio.InvalidStateError):
            job.answer.set_exception(failure)
