"""What runs for a service: each part a task that says whether it does its work, and whether only a restart mends it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import structlog

from platekeeper_common.app import Part
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Busy, Halted
from platekeeper_common.log import describe

LOOK_SECONDS = 2.0
"""Between two looks at whether an engine is there."""
ANSWER_SECONDS = 5.0
_log = structlog.get_logger()


class Running:
    """A part of a service and the task that runs it; says when the task has died."""

    def __init__(
        self,
        name: str,
        run: Coroutine[Any, Any, None],
        part: Part | None = None,
        *,
        died: Callable[[], None] = lambda: None,
    ) -> None:
        """Start at once. A `part` knows its own trouble; without one the task's end is all that can be wrong.

        `died` is called when it has ended in a way that only a new process mends.
        """
        self.name = name
        self.part = part
        self._stopping = False
        self.task = asyncio.create_task(run, name=name)
        self._died = died
        self.task.add_done_callback(self._say_death)

    @property
    def trouble(self) -> str | None:
        """Why it does not do its work; None when it does."""
        trouble = self.part.trouble if self.part else None
        if self.task.done() and trouble is None:
            error = None if self.task.cancelled() else self.task.exception()
            return f"{self.name}: ended" + (f" by {type(error).__name__}" if error else "")
        return f"{self.name}: {trouble}" if trouble else None

    @property
    def dead(self) -> str | None:
        """Why only a new process would do its work again; None when it runs, was stopped, or waits for a person."""
        if self.task.done() and self.task.cancelled() and not self._stopping:
            return f"{self.name}: was cancelled by nobody's word"
        error = self._error()
        return None if error is None or isinstance(error, Halted) else f"{self.name}: ended by {type(error).__name__}"

    async def stop(self) -> None:
        """Cancel and wait; a part that died before has said so in the log."""
        self._stopping = True
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def _error(self) -> BaseException | None:
        return self.task.exception() if self.task.done() and not self.task.cancelled() else None

    def _say_death(self, _task: asyncio.Task[None]) -> None:
        if (error := self._error()) is not None:
            _log.error("part failed", part=self.name, error=describe(error))
        if self.dead:
            self._died()


class Told:
    """A part whose trouble somebody else tells."""

    def __init__(self, trouble: Callable[[], str | None]) -> None:
        """`trouble` answers it each time it is asked for."""
        self._trouble = trouble

    @property
    def trouble(self) -> str | None:
        """Why it does not do its work; None when it does."""
        return self._trouble()


class Watch:
    """Asks again and again for something that the process needs, and says when it is not there."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        """`ask` raises when it is away, and has ANSWER_SECONDS to answer."""
        self._ask = ask
        self.trouble: str | None = "not asked yet"

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._ask()
                self.trouble = None
            except (Unavailable, Busy) as error:
                self.trouble = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, what is needed is not there
                self.trouble = f"does not answer: {type(error).__name__}"
            await asyncio.sleep(LOOK_SECONDS)


async def stop(parts: Iterable[Running]) -> None:
    """Stop them side by side; when one has to finish what it has in hand the others wait for it."""
    await asyncio.gather(*(part.stop() for part in parts))
