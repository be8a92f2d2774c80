"""How much is taken in: bounded backlogs, a bounded number of calls at once; counts for the start page."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

import structlog

from platekeeper_common.bus.contract import Bus, Unavailable
from platekeeper_common.errors import Busy, PlatekeeperError
from platekeeper_common.events.envelope import Topic
from platekeeper_common.events.ingest import FrameCaptured
from platekeeper_common.events.recognition import PlatesRead

LOOK_SECONDS = 1.0
Name = tuple[str, ...]
_log = structlog.get_logger()


class Backlog:
    """What waits on a topic for the slowest of the groups that handle it: at most `most` events, or none is taken."""

    def __init__(self, topic: Topic, groups: Sequence[str], most: int) -> None:
        """Nothing waits before the first look."""
        self.topic = topic
        self._groups = groups
        self.most = most
        self._at_look = 0
        self._since = 0

    @property
    def waiting(self) -> int:
        """Events that waited at the last look, and what this process has published since."""
        return self._at_look + self._since

    @property
    def full(self) -> bool:
        """Whether another event must wait at the device."""
        return self.waiting >= self.most

    def add(self, events: int) -> None:
        """So many events were published."""
        self._since += events

    async def look(self, bus: Bus) -> None:
        """Ask the bus how far the slowest group is behind. Raises Unavailable."""
        before = self._since
        self._at_look = max([await bus.backlog(group, self.topic) for group in self._groups])
        self._since -= before


class Turns:
    """One call at a time has a name; nothing is kept of names that no call has or waits for."""

    def __init__(self) -> None:
        """Nobody has a name yet."""
        self.locks: WeakValueDictionary[Name, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, names: Iterable[Name]) -> AsyncIterator[None]:
        """Have all these names, each once those who asked before have let it go."""
        # Taken in one order by all, so that no two calls wait for each other.
        locks = [self.locks.setdefault(name, asyncio.Lock()) for name in sorted(names)]
        async with AsyncExitStack() as held:
            for lock in locks:
                await held.enter_async_context(lock)
            yield


class Intake:
    """The door's own knowledge of how much waits behind it."""

    def __init__(self, *, max_frames: int, max_reads: int, max_at_once: int, retry_after_seconds: int) -> None:
        """`max_frames` that wait for recognition; `max_reads`: events of reads that wait for those who handle them.

        `max_at_once` calls of devices, each with its body in memory.
        """
        self.waiting_frames = Backlog(FrameCaptured.topic, ("recognition",), max_frames)
        self.waiting_reads = Backlog(PlatesRead.topic, ("hotlist", "retention"), max_reads)
        self._max_at_once = max_at_once
        self._retry_after = {"Retry-After": str(retry_after_seconds)}
        self.turns = Turns()
        """Who publishes of which passes of edge reads."""
        self.in_hand = 0
        self.frames = 0
        self.reads = 0
        self.superseded = 0
        self.refused: Counter[str] = Counter()

    def demand_room(self, backlog: Backlog) -> None:
        """Raises Busy `backlog_full`, with Retry-After, when those who handle it are too far behind to take more."""
        if backlog.full:
            detail = "what was sent before still waits to be handled; keep this and send it again"
            raise Busy(detail, code="backlog_full", headers=self._retry_after)

    def took_frame(self) -> None:
        """One frame more is on the bus."""
        self.frames += 1
        self.waiting_frames.add(1)

    def took_reads(self, reads: int, events: int) -> None:
        """So many reads more are on the bus, in so many events."""
        self.reads += reads
        self.waiting_reads.add(events)

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call of a device. Raises Busy `backlog_full` when as many as can be held are being taken in.

        A refusal that leaves the block is counted by its code.
        """
        try:
            if self.in_hand >= self._max_at_once:
                detail = "as much as can be held is arriving just now; send it again"
                raise Busy(detail, code="backlog_full", headers=self._retry_after)
            self.in_hand += 1
            try:
                yield
            finally:
                self.in_hand -= 1
        except PlatekeeperError as error:
            self.refused[error.code] += 1
            raise
        except Unavailable:
            self.refused[Busy.code] += 1
            raise

    async def look(self, bus: Bus) -> None:
        """Ask the bus how far behind those are who handle what we publish. Raises Unavailable."""
        await self.waiting_frames.look(bus)
        await self.waiting_reads.look(bus)

    async def watch(self, bus: Bus) -> None:
        """Look every second until cancelled; while the bus is away the last figure holds."""
        while True:
            try:
                await self.look(bus)
            except Unavailable as error:
                _log.warning("backlog unknown", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)
