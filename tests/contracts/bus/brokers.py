"""Brokers that the suite shares: one that lives through the run, and one that tests stop and kill."""

from pathlib import Path

import engines

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


def start(folder: Path) -> tuple[Process, engines.Facts]:
    broker = Broker(folder / "broker", settings=SETTINGS)
    broker.start()
    assert broker.process.started is not None
    return broker.process, {
        "address": broker.address,
        "pid": broker.process.started.pid,
        "folder": str(broker.folder),
    }
