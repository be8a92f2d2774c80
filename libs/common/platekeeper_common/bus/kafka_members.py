"""A member of a consumer group on Kafka, and the batches in its hands.

The client hears of a rebalance in the background and waits in `_revoke` for the batches in hand. What is not done by
then is fenced here, and by the generation that its commit would carry. A member that is silent too long leaves.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError

from platekeeper_common.bus.contract import Fenced, Record, Unavailable
from platekeeper_common.bus.kafka_clients import Clients, Patience, answered, heard_since

log = structlog.get_logger()


def record_of(got: Any, topic: str) -> Record:
    """A client's record as one of ours, under the topic's own name."""
    at = datetime.fromtimestamp(got.timestamp / 1000, UTC)
    return Record(topic, got.partition, got.offset, got.key.decode(), got.value, at)


class KafkaMember:
    """A member of a group, as the contract's Member; `enter` must follow."""

    def __init__(
        self,
        clients: Clients,
        group: str,
        topics: Mapping[str, str],
        patience: Patience,
        oldest: Callable[[str], int],
        left: Callable[["KafkaMember"], None],
    ) -> None:
        """`group` is its name on the brokers; `topics` are our names by the brokers'.

        `oldest` answers the stamp (ms) before which a topic's records are past their retention: a consumer may still
        have fetched them before they went. `left` hears of the end.
        """
        self._clients, self._group, self._topics = clients, group, topics
        self._patience, self._oldest, self._left = patience, oldest, left
        self._consumer: Any = None
        self._generation = -1
        self._hands: dict[TopicPartition, KafkaBatch] = {}
        self._shelf: OrderedDict[TopicPartition, Sequence[Any]] = OrderedDict()
        self._revoking = False
        self._assigned = asyncio.Event()
        self._news = asyncio.Event()
        self._heard_at = 0.0
        self._entered_at = 0.0
        self._watch: asyncio.Task[None] | None = None
        self._closed = False

    async def enter(self) -> None:
        """Join the group and, for about as long as a poll, wait for partitions. Raises Unavailable."""
        self.heard()
        async with answered(self._patience.answer, "let a member join"):
            consumer = await self._clients.member(self._group)
        self._consumer, self._entered_at = consumer, time.time()
        self._assigned.clear()
        self._revoking = False
        consumer.subscribe(topics=list(self._topics), listener=_Listener(self, consumer))
        self._watch = asyncio.create_task(self._leave_when_silent())
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.poll):
                await self._assigned.wait()

    async def poll(self, most: int) -> "KafkaBatch | None":
        """As the contract says."""
        self.heard()
        if self._closed:
            raise Unavailable("the bus is closed")
        if self._consumer is None:
            await self.enter()
        until = _now() + self._patience.poll
        while (batch := self._hand_out(most)) is None:
            if (left := until - _now()) <= 0:
                self._check_heard()
                return None
            await self._fetch(left)
        return batch

    async def leave(self) -> None:
        """As the contract says."""
        self._left(self)
        await self._retire()

    async def close(self) -> None:
        """Leave; polling raises Unavailable from now on."""
        self._closed = True
        await self._retire()

    def heard(self) -> None:
        """Note that the member lives."""
        self._heard_at = _now()

    async def commit(self, batch: "KafkaBatch") -> None:
        """Move the group's place behind the batch. Raises Fenced, Unavailable."""
        self.heard()
        consumer = self._consumer
        if batch.fenced or consumer is None or consumer._coordinator.generation != self._generation:  # noqa: SLF001
            raise self._fence(batch)
        task = batch.committing = asyncio.ensure_future(consumer.commit({batch.partition: batch.following}))
        try:
            await asyncio.wait([task], timeout=self._patience.answer)
            if not task.done():
                raise Unavailable(f"the bus did not commit within {self._patience.answer:g} s")
            await self._settle(batch, task)
        finally:
            task.cancel()

    async def _settle(self, batch: "KafkaBatch", task: "asyncio.Future[None]") -> None:
        if task.cancelled():
            raise self._fence(batch)
        match task.exception():
            case None:
                if self._hands.get(batch.partition) is batch:
                    del self._hands[batch.partition]
                self._ring()
            case CommitFailedError() | IllegalStateError() | ConsumerStoppedError() as error:
                raise self._fence(batch) from error
            case KafkaError() as error:
                raise Unavailable(f"the bus did not commit: {type(error).__name__}") from error
            case BaseException() as error:
                raise error

    def _fence(self, batch: "KafkaBatch") -> Fenced:
        batch.fence()
        if self._hands.get(batch.partition) is batch:
            del self._hands[batch.partition]
        topic = self._topics.get(batch.partition.topic)
        return Fenced(f"another member may have taken {topic}/{batch.partition.partition}")

    def _hand_out(self, most: int) -> "KafkaBatch | None":
        if self._revoking:
            return None
        for partition in self._shelf:
            if partition not in self._hands:
                break
        else:
            return None
        got, topic = self._shelf.pop(partition), self._topics[partition.topic]
        if got[0].timestamp < (oldest := self._oldest(topic)):
            got = [one for one in got if one.timestamp >= oldest]
            if not got:
                return None
        if len(got) > most:
            self._shelf[partition] = got[most:]
            got = got[:most]
        batch = self._hands[partition] = KafkaBatch(self, partition, [record_of(one, topic) for one in got])
        return batch

    async def _fetch(self, seconds: float) -> None:
        """Put what comes within so many seconds on the shelf."""
        news, consumer = self._news, self._consumer
        if consumer is None:
            return
        free = [place for place in consumer.assignment() if place not in self._hands and place not in self._shelf]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if self._revoking or not free:
                    await news.wait()
                    return
                try:
                    got = await consumer.getmany(*free, timeout_ms=int(seconds * 1000) + 1)
                except ConsumerStoppedError:
                    return
                except KafkaError as error:
                    raise Unavailable(f"the bus gave no records: {type(error).__name__}") from error
                if consumer is self._consumer and not self._revoking:
                    self._shelf.update(got)

    def _check_heard(self) -> None:
        """Raises Unavailable when no broker has said a word for long, about any partition that waits for records."""
        consumer = self._consumer
        if consumer is None or self._revoking:
            return
        places = consumer.assignment()
        waiting = [place for place in places if place not in self._hands and place not in self._shelf]
        if not self._assigned.is_set():
            patience, heard = self._patience.drain + self._patience.session + self._patience.quiet, 0.0
        elif waiting and len(waiting) == len(places):
            patience, heard = self._patience.quiet, heard_since(consumer, waiting)
        else:
            return
        if time.time() - max(heard, self._entered_at) > patience:
            raise Unavailable(f"no word from the bus for {patience:g} s")

    async def revoke(self, consumer: Any) -> None:
        """Wait for the batches in hand, while the member is heard of; then fence them."""
        if consumer is not self._consumer:
            return
        self._revoking = True
        self._shelf.clear()
        self._ring()
        until = _now() + self._patience.drain
        while self._hands and (left := min(until, self._heard_at + self._patience.silence) - _now()) > 0:
            news = self._news
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await news.wait()
        silent = bool(self._hands) and self._heard_at + self._patience.silence <= _now()
        self._drop_hands()
        if silent:
            await asyncio.Event().wait()  # it is about to leave, and must not enter anew in between

    def assign(self, consumer: Any) -> None:
        """Take what the group dealt out."""
        if consumer is not self._consumer:
            return
        self._generation = consumer._coordinator.generation  # noqa: SLF001 - what a commit would carry
        self._shelf.clear()
        self._revoking = False
        self._entered_at = time.time()
        self._assigned.set()
        self._ring()

    async def _leave_when_silent(self) -> None:
        while (left := self._heard_at + self._patience.silence - _now()) > 0:  # noqa: ASYNC110 - it moves on
            await asyncio.sleep(left)
        log.warning("silent_member_leaves", topics=sorted(self._topics.values()))
        self._watch = None
        await self._retire()

    async def _retire(self) -> None:
        consumer, self._consumer = self._consumer, None
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
        self._shelf.clear()
        self._drop_hands()
        if consumer is not None:
            await self._clients.stop(consumer)

    def _drop_hands(self) -> None:
        for batch in self._hands.values():
            batch.fence()
        self._hands.clear()
        self._ring()

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """What the client calls around a rebalance."""

    def __init__(self, member: KafkaMember, consumer: Any) -> None:
        self._member, self._consumer = member, consumer

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002
        await self._member.revoke(self._consumer)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:  # noqa: ARG002
        self._member.assign(self._consumer)


class KafkaBatch:
    """Records in hand, as the contract's Batch."""

    def __init__(self, member: KafkaMember, partition: TopicPartition, records: Sequence[Record]) -> None:
        """Of one partition, in order."""
        self.partition, self.records = partition, records
        self.fenced = False
        self.committing: asyncio.Future[None] | None = None
        self._member = member
        self._done = False

    @property
    def following(self) -> int:
        """The offset behind the last record."""
        return self.records[-1].offset + 1

    async def done(self) -> None:
        """As the contract says."""
        if not self._done:
            await self._member.commit(self)
            self._done = True

    def fence(self) -> None:
        """Another may have the partition now; a commit on its way is not tried again."""
        self.fenced = True
        if self.committing is not None:
            self.committing.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
