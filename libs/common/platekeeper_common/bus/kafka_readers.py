"""Reading of no group: registers that are followed from the start, tails, and looks at the ends of partitions."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError, OffsetOutOfRangeError

from platekeeper_common.bus.contract import Apply, TooOld, Unavailable
from platekeeper_common.bus.kafka_clients import Clients, Connected, Patience, answered, heard_since
from platekeeper_common.events.catalogue import decode
from platekeeper_common.events.envelope import Event, Undecodable

LOOK_BYTES = 65_536
"""What a look at the first waiting record of each partition may bring."""

log = structlog.get_logger()


class Readers:
    """Every reader of one bus."""

    def __init__(self, clients: Clients, patience: Patience) -> None:
        """Nothing is connected yet."""
        self._clients, self._patience = clients, patience
        self.observer = Connected(clients, clients.reader)
        """Asked for offsets only."""
        self._open: set[Any] = set()
        self._starting: set[asyncio.Future[int]] = set()
        self._closed = False

    async def settled(self) -> None:
        """Return when every tail that begins with the next event knows where that is."""
        if self._starting:
            await asyncio.wait(set(self._starting))

    async def follow(
        self, partitions: Sequence[TopicPartition], topic: str, apply: Apply, caught_up: Callable[[], None]
    ) -> None:
        """As the contract says of `follow`; `topic` is its name in our words."""
        async with self._reading(partitions, reset="earliest") as consumer:
            async with answered(self._patience.answer, f"say where {topic} ends"):
                await consumer.seek_to_beginning(*partitions)
                goals = await consumer.end_offsets(partitions)
            told = False
            while True:
                if not told and await self._reached(consumer, goals, topic):
                    told = True
                    caught_up()
                for got in (await self._next(consumer, partitions, topic)).values():
                    for one in got:
                        await apply(decode(one.value))

    def tail(self, partition: TopicPartition, topic: str, after: int | None) -> AsyncIterator[tuple[int, Event]]:
        """As the contract says of `tail`."""
        start = asyncio.ensure_future(self._start_of(partition, topic, after))
        self._starting.add(start)
        start.add_done_callback(self._found)
        return self._tail(partition, topic, start)

    async def stamps(self, starts: Mapping[TopicPartition, int]) -> dict[TopicPartition, datetime]:
        """When the record at each place was published, where the brokers tell in time."""
        found: dict[TopicPartition, datetime] = {}
        with suppress(TimeoutError):
            async with (
                self._reading(list(starts), reset="earliest", max_partition_fetch_bytes=LOOK_BYTES) as consumer,
                asyncio.timeout(self._patience.answer),
            ):
                for place, offset in starts.items():
                    consumer.seek(place, offset)
                while len(found) < len(starts):
                    missing = [place for place in starts if place not in found]
                    try:
                        looked = await consumer.getmany(*missing, timeout_ms=1000)
                    except KafkaError as error:
                        raise Unavailable(f"the bus did not say since when: {type(error).__name__}") from error
                    for place, got in looked.items():
                        found[place] = datetime.fromtimestamp(got[0].timestamp / 1000, UTC)
        return found

    async def close(self) -> None:
        """End every reader; those who wait are told Unavailable."""
        self._closed = True
        for start in set(self._starting):
            start.cancel()
        await asyncio.gather(*(self._clients.stop(consumer) for consumer in set(self._open)))
        await self.observer.close()

    @asynccontextmanager
    async def _reading(self, partitions: Sequence[TopicPartition], **settings: Any) -> AsyncIterator[Any]:
        if self._closed:
            raise Unavailable("the bus is closed")
        async with answered(self._patience.answer, "let a reader begin"):
            consumer = await self._clients.reader(**settings)
        self._open.add(consumer)
        try:
            consumer.assign(partitions)
            yield consumer
        finally:
            self._open.discard(consumer)
            await self._clients.stop(consumer)

    async def _reached(self, consumer: Any, goals: Mapping[TopicPartition, int], topic: str) -> bool:
        async with answered(self._patience.answer, f"say where {topic} begins"):
            return all([await consumer.position(place) >= goal for place, goal in goals.items()])

    async def _next(self, consumer: Any, partitions: Sequence[TopicPartition], topic: str) -> dict[Any, list[Any]]:
        """What comes within a while. Raises Unavailable when the bus is closed or no broker says a word for long."""
        began = time.time()
        try:
            while True:
                got: dict[Any, list[Any]] = await consumer.getmany(timeout_ms=int(self._patience.poll * 1000))
                if self._closed:
                    raise Unavailable("the bus is closed")
                if got:
                    return got
                if time.time() - max(began, heard_since(consumer, partitions)) > self._patience.quiet:
                    raise Unavailable(f"no word from the bus about {topic} for {self._patience.quiet:g} s")
        except OffsetOutOfRangeError as error:
            raise TooOld(f"{topic} no longer holds what comes next") from error
        except (ConsumerStoppedError, KafkaError) as error:
            raise Unavailable(f"the bus gave no records of {topic}: {type(error).__name__}") from error

    async def _start_of(self, partition: TopicPartition, topic: str, after: int | None) -> int:
        async with answered(self._patience.answer, f"say where {topic} ends"):
            observer = await self.observer.get()
            end = (await observer.end_offsets([partition]))[partition]
            oldest = (await observer.beginning_offsets([partition]))[partition]
        start: int = end if after is None else after + 1
        if start > end:
            raise TooOld(f"offset {after} of {topic} was never given out")
        if start < oldest:
            raise TooOld(f"{topic} is kept from offset {oldest} on; {start} was asked for")
        return start

    def _found(self, start: "asyncio.Future[int]") -> None:
        self._starting.discard(start)
        if not start.cancelled():
            start.exception()

    async def _tail(
        self, partition: TopicPartition, topic: str, start: "asyncio.Future[int]"
    ) -> AsyncIterator[tuple[int, Event]]:
        try:
            offset = await asyncio.shield(start)
        except asyncio.CancelledError:
            if start.cancelled():
                raise Unavailable("the bus is closed") from None
            raise
        async with self._reading([partition]) as consumer:
            consumer.seek(partition, offset)
            while True:
                for got in (await self._next(consumer, [partition], topic)).values():
                    for one in got:
                        try:
                            event = decode(one.value)
                        except Undecodable:
                            log.warning("undecodable_record", topic=topic, offset=one.offset)
                        else:
                            yield one.offset, event
