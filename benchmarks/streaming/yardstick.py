"""What the same bytes cost without services: one process produces them, another consumes them and copies them.

The events are those that ingest published. They go into a topic of their own by an idempotent producer, out of it in a
group, and by COPY into a staging table and INSERT .. ON CONFLICT DO NOTHING into one table with a key and two indexes,
a transaction for what one fetch brought; then the offsets are committed.
"""

import asyncio
import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from platekeeper_common.events.catalogue import decode
from platekeeper_common.events.recognition import PlateRead, PlatesRead

SECONDS = 120.0
COLUMNS = (
    *("agency_id", "id", "version", "camera_id", "device_id", "plate", "confidence", "captured_at", "received_at"),
    *("live_until", "source", "model", "pass_id", "frame_id", "state", "candidates", "box", "latitude", "longitude"),
    *("heading", "lane", "image", "crop"),
)


@dataclass(frozen=True, slots=True)
class Bare:
    """What came of one run."""

    reads: int
    seconds: float
    """From the first event that was sent to the last that was stored."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Where the engines answer."""

    bus: str
    database: str
    events: int
    """How many are sent, of those that lie on the bus."""
    run: int


class Yardstick:
    """One run, in two processes of its own that wait for each other before the clock starts."""

    def __init__(self, engines: Engines) -> None:
        """Starts them; `pids` by name."""
        context = multiprocessing.get_context("spawn")
        self._told: Queue[Any] = context.Queue()
        self._start = context.Event()
        self._processes = {
            name: context.Process(target=work, args=(engines, self._told, self._start), daemon=True)
            for name, work in (("bare producer", _produce), ("bare consumer", _consume))
        }
        for process in self._processes.values():
            process.start()
        self.pids = {name: process.pid or 0 for name, process in self._processes.items()}
        for _ in self._processes:
            self._told.get(timeout=SECONDS)

    def run(self) -> Bare:
        """Measure."""
        began = time.perf_counter()
        self._start.set()
        reads = int(self._told.get(timeout=SECONDS))
        return Bare(reads, time.perf_counter() - began)

    def close(self) -> None:
        """End both processes."""
        for process in self._processes.values():
            process.terminate()
            process.join()


async def declare(engines: Engines) -> None:
    """Make the run's topic and table."""
    admin = AIOKafkaAdminClient(bootstrap_servers=engines.bus)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(_topic(engines), PlatesRead.topic.partitions, 1)])
    finally:
        await admin.close()
    connection = await asyncpg.connect(engines.database)
    try:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS yardstick")
        columns = ", ".join(f'"{column}"' for column in COLUMNS)
        table = _table(engines)
        await connection.execute(f"CREATE TABLE {table} AS SELECT {columns} FROM retention.plate_read LIMIT 0")  # noqa: S608
        await connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (agency_id, id, version)")
        await connection.execute(f"CREATE INDEX ON {table} (agency_id, plate, captured_at, id)")
        await connection.execute(f"CREATE INDEX ON {table} (agency_id, captured_at, id)")
    finally:
        await connection.close()


def _produce(engines: Engines, told: "Queue[Any]", start: Any) -> None:
    asyncio.run(_send(engines, told, start))


def _consume(engines: Engines, told: "Queue[Any]", start: Any) -> None:
    asyncio.run(_store(engines, told, start))


async def _send(engines: Engines, told: "Queue[Any]", start: Any) -> None:
    events = await _published(engines)
    producer = AIOKafkaProducer(
        bootstrap_servers=engines.bus, enable_idempotence=True, acks="all", max_batch_size=512 * 1024
    )
    await producer.start()
    await producer.partitions_for(_topic(engines))
    told.put(len(events))
    await asyncio.to_thread(start.wait)
    sent = [await producer.send(_topic(engines), value, key) for key, value in events]
    await asyncio.gather(*sent)
    await producer.stop()


async def _published(engines: Engines) -> list[tuple[bytes, bytes]]:
    """Keys and values of events that ingest published."""
    name = PlatesRead.topic.name
    consumer = AIOKafkaConsumer(bootstrap_servers=engines.bus, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(name, number) for number in range(PlatesRead.topic.partitions)]
        consumer.assign(places)
        found: list[tuple[bytes, bytes]] = []
        while len(found) < engines.events:
            for records in (await consumer.getmany(timeout_ms=2000)).values():
                found += [(record.key, record.value) for record in records]
        return found[: engines.events]
    finally:
        await consumer.stop()


async def _store(engines: Engines, told: "Queue[Any]", start: Any) -> None:
    consumer = AIOKafkaConsumer(
        _topic(engines),
        bootstrap_servers=engines.bus,
        group_id=_topic(engines),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=8 * 1024 * 1024,
    )
    await consumer.start()
    connection = await asyncpg.connect(engines.database)
    await connection.execute(f"CREATE TEMPORARY TABLE staged (LIKE {_table(engines)}) ON COMMIT DELETE ROWS")
    while not consumer.assignment():
        await consumer.getmany(timeout_ms=100)
    told.put("ready")
    await asyncio.to_thread(start.wait)
    events = reads = 0
    while events < engines.events:
        for place, records in (await consumer.getmany(timeout_ms=1000)).items():
            read = [one for record in records for one in _reads(record.value)]
            await _copy(connection, engines, read)
            await consumer.commit({place: records[-1].offset + 1})
            events, reads = events + len(records), reads + len(read)
    told.put(reads)
    await asyncio.sleep(SECONDS)


def _reads(value: bytes) -> tuple[PlateRead, ...]:
    event = decode(value)
    assert isinstance(event, PlatesRead)  # noqa: S101 - the topic carries nothing else
    return event.reads


async def _copy(connection: Any, engines: Engines, reads: list[PlateRead]) -> None:
    names = ", ".join(f'"{column}"' for column in COLUMNS)
    async with connection.transaction():
        await connection.copy_records_to_table("staged", records=map(_row, reads), columns=COLUMNS)
        await connection.execute(
            f"INSERT INTO {_table(engines)} ({names}) SELECT {names} FROM staged ON CONFLICT DO NOTHING"  # noqa: S608
        )


def _row(read: PlateRead) -> tuple[Any, ...]:
    return (
        *(read.agency_id, read.id, read.version, read.camera_id, read.device_id, read.plate, read.confidence),
        *(read.captured_at, read.received_at, read.live_until, read.source, _json(read.model), read.pass_id),
        *(read.frame_id, read.state, _json(read.candidates), read.box and _json(read.box)),
        *((read.position.latitude, read.position.longitude) if read.position else (None, None)),
        *(read.heading, read.lane, read.image and _json(read.image), read.crop and _json(read.crop)),
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _topic(engines: Engines) -> str:
    return f"yardstick-{engines.run}"


def _table(engines: Engines) -> str:
    return f"yardstick.plate_read_{engines.run}"
