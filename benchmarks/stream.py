"""Edge reads a second through the full stack on this machine, beside a bare yardstick in the same run.

`python benchmarks/stream.py` starts the stack by `platekeeper up` over a fresh folder (Kafka, PostgreSQL, HAProxy, each
service a process), lists a million plates, and posts reads in batches over HTTPS through the gateway as fast as they
are matched and stored, for a minute; then at half that rate. Each batch holds one read of a plate that was not seen
before, and what is told of it on the stream of hits stops its clock. The yardstick sends the very events that ingest
published through the same broker and database with no service between: see `streaming/yardstick.py`. The client shares
the cores; its share is told. The figures by CPU hardly move when others use the machine, those by the clock do.
"""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg
from streaming import precinct, processes, traffic
from streaming.listening import Listener
from streaming.posting import Posters
from streaming.precinct import Precinct
from streaming.yardstick import Bare, Engines, Yardstick, declare

from platekeeper.demo.load import USE
from platekeeper_common import log
from platekeeper_common.bus.kafka import KafkaBus
from platekeeper_common.events.recognition import PlatesRead

GROUPS = ("hotlist", "retention")
CONNECTIONS = 6
BODIES = 240
WAITING = 60
"""Events that may wait for those who handle them before more are posted."""
LOOK_SECONDS = 0.5
DRAIN_SECONDS = 120.0
LOADED_SECONDS = 300.0
YARDSTICK_RUNS = 3
YARDSTICK_EVENTS = 300


@dataclass(frozen=True, slots=True)
class Passed:
    """Reads that went the whole way in one stretch of time."""

    reads: float
    seconds: float
    cpu: Mapping[str, float]
    """CPU seconds by process."""
    delays: Sequence[float]
    """Seconds from when a call was due to its hit on the stream."""
    answers: Sequence[float]
    """Seconds from when a call was due to its answer."""
    refusals: int

    @property
    def rate(self) -> float:
        """Reads a second."""
        return self.reads / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of CPU a read, of all processes."""
        return sum(self.cpu.values()) / self.reads * 1e6


def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(description="Edge reads a second through the full stack")
    parser.add_argument("--seconds", type=float, default=60, help="how long each load is measured")
    parser.add_argument("--warm-up", type=float, default=15, help="how long reads are posted before")
    parser.add_argument("--entries", type=int, default=1_000_000, help="how many plates are listed")
    parser.add_argument("--batch", type=int, default=500, help="reads in a call")
    parser.add_argument("--yardstick-events", type=int, default=YARDSTICK_EVENTS, help="events the yardstick carries")
    parser.add_argument("--yardstick-runs", type=int, default=YARDSTICK_RUNS, help="of which the median is told")
    parser.add_argument("--folder", type=Path, help="where everything lies for the run (otherwise the system's own)")
    options = parser.parse_args()
    log.configure()
    with tempfile.TemporaryDirectory(prefix="platekeeper-bench-", dir=options.folder) as folder:
        Path(folder).chmod(0o711)  # the database runs as a user of its own
        print(asyncio.run(_measure(Path(folder), options)))
    return 0


async def _measure(folder: Path, options: argparse.Namespace) -> str:
    var = folder / "var"
    async with precinct.standing(var, {}) as stack, KafkaBus.open([stack.bus]) as bus:
        plate = traffic.plates()
        listed = list(itertools.islice(plate, options.entries))
        await precinct.list_plates(stack, listed)
        cameras = [(place, one) for place, gateway in enumerate(stack.gateways) for one in gateway.cameras]
        bodies = traffic.bodies(cameras, BODIES, options.batch, plate)
        bench = Bench(stack, bus, bodies, iter(listed), options.batch)
        await bench.until_loaded()
        await bench.full(options.warm_up)
        full = await bench.full(options.seconds)
        half = await bench.at(full.rate / 2, options.seconds)
        await bench.check()
        bare = [await _bare(stack, options.yardstick_events, run) for run in range(options.yardstick_runs)]
    return _report(full, half, bare, options)


class Bench:
    """The loads on one standing stack."""

    def __init__(
        self, stack: Precinct, bus: KafkaBus, bodies: Sequence[traffic.Body], listed: Iterator[str], batch: int
    ) -> None:
        """`listed` plates are posted one a call."""
        self._stack, self._bus, self._listed, self._batch = stack, bus, listed, batch
        # One row for all loads: a body that comes again within a second would hold the same reads.
        self._bodies = itertools.cycle(bodies)
        self._accepted = self._calls = 0

    async def until_loaded(self) -> None:
        """Return when a read of a listed plate is told: the whole list is held."""
        until = time.monotonic() + LOADED_SECONDS
        while not (await self._load(0.5, _every(0.5), connections=1)).delays:
            if time.monotonic() > until:
                raise TimeoutError("no hit is told: the list is not loaded")
        self._calls = (await self._counts())["told"]  # of plates that were read before they were listed nothing is told

    async def full(self, seconds: float) -> Passed:
        """As fast as reads are matched and stored."""
        return await self._load(seconds, lambda: time.perf_counter())

    async def at(self, rate: float, seconds: float) -> Passed:
        """So many reads a second, each call when it is due, whatever became of those before."""
        return await self._load(seconds, _every(self._batch / rate))

    async def check(self) -> None:
        """Raise RuntimeError unless every read that was accepted is stored once, and none is a dead letter."""
        counted = await self._counts()
        if counted != {"stored": self._accepted, "told": self._calls, "dead": 0}:
            raise RuntimeError(f"{self._accepted} reads were accepted, {self._calls} of listed plates; kept: {counted}")

    async def _counts(self) -> dict[str, int]:
        """Reads that are stored, those that were counted to a listed plate, and dead letters."""
        asked = {"stored": "retention.plate_read", "told": "hotlist.sighting"}
        dead = " + ".join(f"(SELECT count(*) FROM {group}.dead_letter)" for group in GROUPS)  # noqa: S608 - our own
        connection = await asyncpg.connect(self._stack.database)
        try:
            counted = {
                name: await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
                for name, table in asked.items()
            }
            return {**counted, "dead": await connection.fetchval(f"SELECT {dead}")}
        finally:
            await connection.close()

    async def _load(self, seconds: float, due: Callable[[], float], connections: int = CONNECTIONS) -> Passed:
        listener = await self._listener()
        posters = Posters(
            self._stack.address, self._stack.tls(), await self._stack.tokens(), self._bodies, self._listed
        )
        waiting, ended = Waiting(posters), threading.Event()

        def following() -> float | None:
            when = due()
            while not ended.is_set() and (time.perf_counter() < when or waiting.events > WAITING):
                ended.wait(min(0.02, max(0.001, when - time.perf_counter())))
            return None if ended.is_set() else when

        before, began = processes.seconds(self._stack.state, more={"client": os.getpid()}), time.perf_counter()
        posting = asyncio.create_task(asyncio.to_thread(posters.run, connections, following))
        while time.perf_counter() - began < seconds and not posting.done():
            await self._look(waiting)
            await asyncio.sleep(LOOK_SECONDS)
        await self._look(waiting)
        after, spent = processes.seconds(self._stack.state, more={"client": os.getpid()}), time.perf_counter() - began
        handled = posters.posted.accepted - waiting.at_look * self._batch
        ended.set()
        await posting
        await self._drained()
        posted = posters.posted
        await self._until_told(listener, len(posted.due))
        listener.close()
        self._accepted += posted.accepted
        self._calls += len(posted.due)
        delays = [listener.came[plate] - when for plate, when in posted.due.items() if plate in listener.came]
        used = processes.between(before, after)
        return Passed(max(1.0, handled), spent, used, delays, posted.answered, posted.refusals)

    async def _listener(self) -> Listener:
        authorization = (await (await self._stack.officer()).headers())["Authorization"]
        return await asyncio.to_thread(Listener, self._stack.address, self._stack.tls(), authorization, USE)

    async def _look(self, waiting: "Waiting") -> None:
        posted = waiting.calls
        waiting.at_look = max([await self._bus.backlog(group, PlatesRead.topic) for group in GROUPS])
        waiting.before = posted

    async def _drained(self) -> None:
        """Return when nothing waits for hotlist or retention. Raises TimeoutError."""
        async with asyncio.timeout(DRAIN_SECONDS):
            for group in GROUPS:
                while await self._bus.backlog(group, PlatesRead.topic):  # noqa: ASYNC110 - the bus tells nobody
                    await asyncio.sleep(0.05)

    async def _until_told(self, listener: Listener, calls: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while len(listener.came) < calls and listener.ended is None:  # noqa: ASYNC110 - a thread hears them
                    await asyncio.sleep(0.05)
        if listener.ended is not None:
            raise RuntimeError(f"the stream of hits ended: {listener.ended}")


class Waiting:
    """Events that wait: at the last look, and those posted since."""

    def __init__(self, posters: Posters) -> None:
        """None before the first look."""
        self._posters = posters
        self.at_look = self.before = 0

    @property
    def calls(self) -> int:
        """Calls so far."""
        return len(self._posters.posted.due)

    @property
    def events(self) -> int:
        """About how many wait now; one camera's reads make one event a call."""
        return self.at_look + self.calls - self.before


def _every(seconds: float) -> Callable[[], float]:
    """Moments so many seconds apart, for several threads."""
    moments, lock = itertools.count(), threading.Lock()
    began = time.perf_counter()

    def due() -> float:
        with lock:
            return began + next(moments) * seconds

    return due


async def _bare(stack: Precinct, events: int, run: int) -> tuple[Bare, Mapping[str, float]]:
    engines = Engines(stack.bus, stack.database, events, run)
    await declare(engines)
    yardstick = await asyncio.to_thread(Yardstick, engines)
    try:
        before = processes.seconds(stack.state, more=yardstick.pids)
        bare = await asyncio.to_thread(yardstick.run)
        used = processes.between(before, processes.seconds(stack.state, more=yardstick.pids))
    finally:
        await asyncio.to_thread(yardstick.close)
    taking_part = ("bare", "kafka", "postgresql")
    return bare, {name: spent for name, spent in used.items() if name.startswith(taking_part)}


def _report(
    full: Passed, half: Passed, bare: Sequence[tuple[Bare, Mapping[str, float]]], options: argparse.Namespace
) -> str:
    rate = median(one.reads / one.seconds for one, _ in bare)
    cost = median(sum(used.values()) / one.reads * 1e6 for one, used in bare)
    lines = [
        f"batches of {options.batch} reads against {options.entries:,} listed plates, {os.cpu_count()} cores",
        f"  {'matched and stored':<34}{full.rate:10,.0f} reads/s over {full.seconds:.0f} s",
        f"  {'bare yardstick, the same events':<34}{rate:10,.0f} reads/s",
        f"  {'ratio by the clock':<34}{full.rate / rate:10.2f}",
        f"  {'ratio by CPU':<34}{cost / full.cost:10.2f}",
        *(
            f"  {f'POST to hit at {name} load':<34}{_quantiles(passed.delays)} of {len(passed.delays)},"
            f" {passed.rate:,.0f} reads/s"
            for name, passed in (("full", full), ("half", half))
        ),
        f"  {'POST to answer at half load':<34}{_quantiles(half.answers)}",
        f"  {'calls told to come again':<34}{full.refusals + half.refusals:10,}",
        "",
        f"  {'CPU at full load':<34}{'us a read':>10}{'share':>8}",
        *_shares(full.cpu, full.reads, full.seconds),
        "",
        f"  {'CPU of the yardstick':<34}{'us a read':>10}{'share':>8}",
        *_shares(bare[-1][1], bare[-1][0].reads, bare[-1][0].seconds),
    ]
    return "\n".join(lines)


def _shares(cpu: Mapping[str, float], reads: float, seconds: float) -> list[str]:
    """Share: of one core."""
    told = sorted(cpu.items(), key=lambda pair: -pair[1])
    lines = [f"  {name:<34}{spent / reads * 1e6:10.1f}{spent / seconds:8.0%}" for name, spent in told]
    whole = sum(cpu.values())
    return [*lines, f"  {'together':<34}{whole / reads * 1e6:10.1f}{whole / seconds:8.0%}"]


def _quantiles(values: Sequence[float]) -> str:
    return f"{_at(values, 0.5):10,.0f} ms p50 {_at(values, 0.99):7,.0f} ms p99"


def _at(values: Sequence[float], share: float) -> float:
    """A quantile in milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
