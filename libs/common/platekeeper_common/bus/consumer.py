"""The one loop between any bus and a handler."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from platekeeper_common.bus.contract import (
    Batch,
    Bus,
    DeadLetter,
    DeadLetters,
    Fenced,
    Handler,
    Member,
    Record,
    Reject,
)
from platekeeper_common.bus.pauses import AWAY, Pauses, code_of, was_meant
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.events.catalogue import decode
from platekeeper_common.events.envelope import Event, Topic, Undecodable, event_id
from platekeeper_common.log import describe

LONE_ATTEMPTS = 5
"""How often an event may fail alone before it is a dead letter."""
MOST_IN_A_ROW = 20
"""How many events in a row may fail that way before the consumer stops: then the fault is not theirs."""
UNDECODABLE = "undecodable: no event that this version knows"
"""Why bytes are a dead letter that are no event; what the decoder says may quote them."""

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Item:
    record: Record
    event: Event


class _Stopped(Exception):
    """Too many events failed in a row, or the consumer is being cancelled: the batch in hand stays undone."""


class Consumer:
    """One member of a group: hands batches to `handler` until cancelled, and ends each event in one of three ways.

    `handled` counts events, `dead_lettered` letters. `ready` is false until it has joined, while something is away, and
    after it stopped; `trouble` then says why (never a plate).
    """

    def __init__(
        self,
        bus: Bus,
        group: str,
        topics: Sequence[Topic],
        handler: Handler,
        dead_letters: DeadLetters,
        *,
        clock: Clock = utc_now,
        most: int = 500,
        gather: float = 0.0,
        drain: float = 20.0,
        pauses: Pauses | None = None,
    ) -> None:
        """`most`: events a batch; `gather`: seconds for which events may gather after one that was not full.

        `drain`: seconds that a batch in hand may take to finish after a cancellation.
        """
        self.ready = False
        self.trouble: str | None = "not started"
        self.handled = 0
        self.dead_lettered = 0
        self.group = group
        self._bus, self._topics = bus, topics
        self._handler, self._dead_letters, self._clock = handler, dead_letters, clock
        self._most, self._gather, self._drain, self._pauses = most, gather, drain, pauses or Pauses()
        self._in_a_row = 0
        self._leaving = asyncio.Event()
        self._log = log.bind(group=group)

    async def run(self) -> None:
        """Consume until cancelled; returns only after it stopped because too many events failed in a row."""
        self._in_a_row = 0
        self._leaving.clear()
        member: Member | None = None
        try:
            member = await self._until_there("join", lambda: self._bus.join(self.group, self._topics))
            while True:
                batch = await self._until_there("poll", lambda: member.poll(self._most))
                if batch is not None:
                    await self._settle_or_drain(batch)
                    if self._gather and len(batch.records) < self._most:
                        await asyncio.sleep(self._gather)
        except _Stopped as reason:
            self._log.error("consumer_stopped", reason=str(reason))
            self.ready, self.trouble = False, str(reason)
        finally:
            self.ready, self.trouble = False, self.trouble or "not running"
            if member is not None:
                await member.leave()

    async def _settle_or_drain(self, batch: Batch) -> None:
        settling = asyncio.ensure_future(self._settle(batch))
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:
            self._leaving.set()
            try:
                await asyncio.wait([settling], timeout=self._drain)
            finally:
                settling.cancel()
                await asyncio.gather(settling, return_exceptions=True)
            raise

    async def _settle(self, batch: Batch) -> None:
        items = []
        for record in batch.records:
            try:
                items.append(_Item(record, decode(record.value)))
            except Undecodable:
                await self._bury(record, UNDECODABLE, attempts=1)
        await self._handle(items)
        try:
            await self._until_there("commit", batch.done)
        except Fenced:
            first = batch.records[0]
            self._log.warning("batch_fenced", topic=first.topic, partition=first.partition, offset=first.offset)

    async def _handle(self, items: Sequence[_Item]) -> None:
        while items and (error := await self._attempt(items)) is not None:
            if (refused := _refused(items, error)) is not None:
                await self._bury(refused.record, str(error), attempts=1)
                items = [item for item in items if item is not refused]
            elif len(items) == 1:
                await self._handle_alone(items[0], error)
                return
            else:
                middle = len(items) // 2
                await self._handle(items[:middle])
                items = items[middle:]

    async def _handle_alone(self, item: _Item, error: Exception) -> None:
        for attempts in range(1, LONE_ATTEMPTS):
            await self._pause(self._pauses.after(attempts))
            if (again := await self._attempt([item])) is None:
                return
            if _refused([item], again) is not None:
                await self._bury(item.record, str(again), attempts=attempts + 1)
                return
            error = again
        reason = f"failed: {describe(error)}"
        await self._bury(item.record, reason, attempts=LONE_ATTEMPTS)
        self._in_a_row += 1
        if self._in_a_row >= MOST_IN_A_ROW:
            raise _Stopped(f"stopped: {MOST_IN_A_ROW} events in a row failed, the last {reason}")

    async def _attempt(self, items: Sequence[_Item]) -> Exception | None:
        events = [item.event for item in items]
        try:
            await self._until_there("handle", lambda: self._handler(events))
        except _Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the event ends in one of the three ways
            self._log.warning("handler_failed", events=len(events), error=describe(error))
            return error
        self.handled += len(events)
        self._in_a_row = 0
        return None

    async def _bury(self, record: Record, reason: str, *, attempts: int) -> None:
        letter = DeadLetter(self.group, record, reason, attempts, self._clock())
        await self._until_there("dead_letter", lambda: self._dead_letters.add(letter))
        self.dead_lettered += 1
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        code, _, _ = reason.partition(":")
        self._log.error("dead_lettered", reason=code, attempts=attempts, event_id=event_id(record.value), **place)

    async def _until_there(self, step: str, act: Callable[[], Awaitable[T]]) -> T:
        failures = 0
        while True:
            try:
                answer = await act()
            except (*AWAY, asyncio.CancelledError) as error:
                if was_meant(error):
                    raise
                failures += 1
                self.ready, self.trouble = False, f"{step}: {describe(error)}"
                say = self._log.warning if failures == 1 else self._log.debug
                say("consumer_paused", step=step, failures=failures, reason=code_of(error), error=describe(error))
                await self._pause(self._pauses.after(failures))
            else:
                if failures:
                    self._log.info("consumer_resumed", step=step, failures=failures)
                self.ready, self.trouble = True, None
                return answer

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._leaving.wait(), seconds)
        except TimeoutError:
            return
        raise _Stopped("leaving")


def _refused(items: Sequence[_Item], error: Exception) -> _Item | None:
    """The item that a Reject names, if it is one of these; handlers may reject a copy of the event."""
    if not isinstance(error, Reject):
        return None
    same = (item for item in items if item.event is error.event)
    return next(same, None) or next((item for item in items if item.event == error.event), None)
