"""What the suite needs of a backend. To hold another backend to the contract, add its class to HARNESSES."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import engines
from contracts.bus import brokers

from platekeeper_common.bus import groups
from platekeeper_common.bus.contract import Bus
from platekeeper_common.bus.embedded import EmbeddedBus
from platekeeper_common.bus.kafka import KafkaBus
from platekeeper_common.bus.kafka_clients import Patience
from platekeeper_common.bus.kafka_topics import declare_topics
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.hotlist import HitRaised
from platekeeper_common.events.ingest import DeviceChanged, FrameCaptured

TESTS = Path(__file__).parents[2]
TOPICS = (replace(FrameCaptured.topic, partitions=4), DeviceChanged.topic, HitRaised.topic, AccessRecorded.topic)
"""What the suite publishes to; as many partitions as the embedded bus has."""


class Harness(Protocol):
    """One backend and the data of one test."""

    name: str
    """Its key in HARNESSES."""
    place: str
    """Where the data is, as a word that a child process understands."""
    at_once: bool
    """Whether partitions are dealt out anew, and topics compacted, when that is asked for; otherwise soon."""

    def bus(
        self,
        *,
        clock: Clock = utc_now,
        drain: float = 20.0,
        silence: float = 300.0,
        publish_timeout: float = 20.0,
        session: float = 30.0,
    ) -> AbstractAsyncContextManager[Bus]:
        """The bus on this test's data, each time the same; `drain` and `silence`: seconds until a batch in hand is
        taken by a rebalance, and until a silent member is taken for dead; `session`: until one is whose process is
        gone, or that came in an outage and was given up. A test of an outage or a kill says a short `publish_timeout`
        and `session`; the others leave a busy machine time."""

    def outage(self) -> AbstractContextManager[None]:
        """While inside, nothing can be written to the bus."""


class EmbeddedHarness:
    """The SQLite file in a folder; an outage is another's lock on it."""

    name = "embedded"
    at_once = True

    def __init__(self, place: str) -> None:
        self.place = place
        self._path = Path(place) / "bus.sqlite"

    @asynccontextmanager
    async def bus(
        self,
        *,
        clock: Clock = utc_now,
        drain: float = 20.0,
        silence: float = 300.0,
        publish_timeout: float = 20.0,
        session: float = 30.0,
    ) -> AsyncIterator[Bus]:
        patience = groups.Patience(poll=0.1, drain=drain, silence=silence)
        opened = EmbeddedBus.open(self._path, clock=clock, publish_timeout=publish_timeout, patience=patience)
        async with opened as bus:
            yield bus

    @contextmanager
    def outage(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")


def state(task: Path) -> str:
    """Of a thread, as proc(5) writes it: T stopped, X gone."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


class KafkaHarness:
    """Topics and groups with a prefix of their own on a broker that tests share; an outage stops its process.

    Brokers need longer than a file: `drain` and `silence` are stretched.
    """

    name = "kafka"
    at_once = False

    def __init__(self, place: str, broker: engines.Facts | None = None) -> None:
        self.place = place
        self._facts = broker or brokers.facts("kafka")
        self._prefix = f"t{zlib.crc32(place.encode()):08x}-"

    @asynccontextmanager
    async def bus(
        self,
        *,
        clock: Clock = utc_now,
        drain: float = 20.0,
        silence: float = 300.0,
        publish_timeout: float = 20.0,
        session: float = 30.0,
    ) -> AsyncIterator[KafkaBus]:
        servers = [self._facts["address"]]
        await declare_topics(servers, prefix=self._prefix, topics=TOPICS)
        patience = Patience(
            poll=0.3,
            drain=drain,
            silence=10 * silence,
            session=session,
            heartbeat=0.2,
            answer=publish_timeout,
            quiet=3.0,
        )
        async with KafkaBus.open(
            servers,
            prefix=self._prefix,
            clock=clock,
            publish_timeout=publish_timeout,
            topics=TOPICS,
            patience=patience,
        ) as bus:
            yield bus

    @contextmanager
    def outage(self) -> Iterator[None]:
        os.kill(self._facts["pid"], signal.SIGSTOP)
        try:
            # Each thread stops for itself; on a busy machine some still answer for a while.
            while any(state(task) not in "TZX" for task in Path(f"/proc/{self._facts['pid']}/task").iterdir()):
                time.sleep(0.005)
            yield
        finally:
            os.kill(self._facts["pid"], signal.SIGCONT)


HARNESSES: dict[str, Callable[[str], Harness]] = {
    EmbeddedHarness.name: EmbeddedHarness,
    KafkaHarness.name: KafkaHarness,
}


class Child:
    """Another process on the same data, running one act of `child.py`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            return (await self._process.stdout.readline()).decode().strip()

    async def kill(self) -> list[str]:
        """End it with SIGKILL; answers the lines that it had printed and nobody read."""
        assert self._process.stdout is not None
        self._process.kill()
        rest = (await self._process.stdout.read()).decode().splitlines()
        await self._process.wait()
        return rest


async def start_child(harness: Harness, act: str) -> Child:
    """A process that runs `act`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "contracts.bus.child", harness.name, harness.place, act),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    return Child(process)
