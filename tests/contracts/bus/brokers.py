"""Brokers that the suite shares: one that lives through the run, and one that tests stop and kill."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import engines
from filelock import FileLock

from platekeeper.stack.kafka import Broker
from platekeeper.stack.process import Process

SETTINGS = {
    # The tests' clock is not the broker's: nothing goes by itself while they run, except what is compacted at once.
    "log.retention.check.interval.ms": 10**9,
    "log.cleaner.backoff.ms": 200,
    "log.message.timestamp.after.max.ms": 10**12,
}


def facts(name: str) -> engines.Facts:
    """The address and the process of the run's broker `name`, started when it is not there yet."""
    return engines.shared(name, start)


@contextmanager
def alone(name: str) -> Iterator[engines.Facts]:
    """The same for a broker that one test at a time may stop."""
    with FileLock(Path(os.environ[engines.VARIABLE]) / f"{name}-alone.lock"):
        yield facts(name)


def start(folder: Path) -> tuple[Process, engines.Facts]:
    # Nobody kills these: a busy machine may keep their heartbeats waiting, and they still lead their partitions.
    broker = Broker(folder / "broker", settings={**SETTINGS, "broker.session.timeout.ms": 60_000})
    broker.start()
    assert broker.process.started is not None
    return broker.process, {
        "address": broker.address,
        "pid": broker.process.started.pid,
        "folder": str(broker.folder),
    }
