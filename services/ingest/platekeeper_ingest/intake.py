"""How much is taken in: a bounded backlog, a bounded number of calls at once; counts for the start page."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from platekeeper_common.bus.contract import Bus, Unavailable
from platekeeper_common.errors import Busy, PlatekeeperError
from platekeeper_common.events.ingest import FrameCaptured

RECOGNITION = "recognition"
"""The consumer group whose backlog of frames is bounded."""
LOOK_SECONDS = 1.0
_log = structlog.get_logger()


class Intake:
    """The door's own knowledge of how much waits behind it."""

    def __init__(self, *, max_backlog: int, max_at_once: int, retry_after_seconds: int) -> None:
        """`max_backlog` in frames; `max_at_once` calls of devices, each with its body in memory."""
        self._max_backlog = max_backlog
        self._max_at_once = max_at_once
        self._retry_after = {"Retry-After": str(retry_after_seconds)}
        self._at_once = 0
        self._backlog = 0
        self._frames_at_look = 0
        self.frames = 0
        self.reads = 0
        self.refused: Counter[str] = Counter()

    @property
    def backlog(self) -> int:
        """Frames that wait for recognition: at the last look, and what this process has taken since."""
        return self._backlog + self.frames - self._frames_at_look

    def demand_room(self) -> None:
        """Raises Busy `backlog_full`, with Retry-After, when recognition is too far behind to take another frame."""
        if self.backlog >= self._max_backlog:
            detail = "recognition is behind; keep the frame and send it again"
            raise Busy(detail, code="backlog_full", headers=self._retry_after)

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call of a device. Raises Busy `backlog_full` when as many as can be held are being taken in.

        A refusal that leaves the block is counted by its code.
        """
        try:
            if self._at_once >= self._max_at_once:
                detail = "as much as can be held is arriving just now; send it again"
                raise Busy(detail, code="backlog_full", headers=self._retry_after)
            self._at_once += 1
            try:
                yield
            finally:
                self._at_once -= 1
        except PlatekeeperError as error:
            self.refused[error.code] += 1
            raise
        except Unavailable:
            self.refused[Busy.code] += 1
            raise

    async def look(self, bus: Bus) -> None:
        """Ask the bus how far recognition is behind. Raises Unavailable."""
        before = self.frames
        self._backlog = await bus.backlog(RECOGNITION, FrameCaptured.topic)
        self._frames_at_look = before

    async def watch(self, bus: Bus) -> None:
        """Look every second until cancelled; while the bus is away the last figure holds."""
        while True:
            try:
                await self.look(bus)
            except Unavailable as error:
                _log.warning("backlog unknown", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)
