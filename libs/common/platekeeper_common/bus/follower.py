"""The one loop between any bus and a register that every process follows."""

import asyncio

import structlog

from platekeeper_common.bus.contract import Apply, Bus
from platekeeper_common.bus.pauses import Pauses, code_of, was_meant
from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.log import describe

log = structlog.get_logger()


class Follower:
    """Applies every record of a topic, from the start, until cancelled: the process's copy of a register.

    `ready` once all that was there at the start is applied, and as long as nothing fails; `trouble` then says what.
    A word that `apply` fails on is tried again, for ever, before the next: a register with a word left out is wrong.
    After a fault of the bus it begins again, so `apply` must be safe to run twice.
    """

    def __init__(self, bus: Bus, topic: Topic, apply: Apply, *, pauses: Pauses | None = None) -> None:
        """Nothing runs before `run`."""
        self.ready = False
        self.trouble: str | None = "not started"
        self._bus, self._topic, self._apply, self._pauses = bus, topic, apply, pauses or Pauses()
        self._reached = asyncio.Event()
        self._log = log.bind(topic=topic.name)

    async def caught_up(self) -> None:
        """Return once it has been ready for the first time."""
        await self._reached.wait()

    async def run(self) -> None:
        """Follow until cancelled."""
        failures = 0

        def reached() -> None:
            nonlocal failures
            failures, self.ready, self.trouble = 0, True, None
            self._reached.set()

        try:
            while True:
                self.trouble = "catching up"
                try:
                    await self._bus.follow(self._topic, self._apply_surely, reached)
                except (Exception, asyncio.CancelledError) as error:
                    if was_meant(error):
                        raise
                    failures += 1
                    await self._wait("follow", failures, error)
        finally:
            self.ready, self.trouble = False, "not running"

    async def _apply_surely(self, event: Event) -> None:
        failures, was_ready = 0, self.ready
        while True:
            try:
                await self._apply(event)
            except Exception as error:  # noqa: BLE001 - not ready until it is mended, and that is told
                failures += 1
                await self._wait("apply", failures, error)
            else:
                if failures:
                    self._log.info("follower_resumed", step="apply", failures=failures)
                    self.ready, self.trouble = was_ready, None if was_ready else "catching up"
                return

    async def _wait(self, step: str, failures: int, error: BaseException) -> None:
        self.ready, self.trouble = False, f"{step}: {describe(error)}"
        say = self._log.warning if failures == 1 else self._log.debug
        say("follower_paused", step=step, failures=failures, reason=code_of(error), error=describe(error))
        await asyncio.sleep(self._pauses.after(failures))
