"""The bus of many processes: Apache Kafka through aiokafka."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)

from platekeeper_common.bus.contract import Apply, Fenced, Lag, Unavailable, partition_of
from platekeeper_common.bus.kafka_clients import LARGEST_EVENT, Clients, Connected, Patience, answered
from platekeeper_common.bus.kafka_members import KafkaMember
from platekeeper_common.bus.kafka_readers import Readers
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.events import envelope
from platekeeper_common.events.catalogue import TOPICS
from platekeeper_common.events.envelope import Event, Topic

FATAL = (ProducerFenced, InvalidProducerEpoch, OutOfOrderSequenceNumber, UnknownProducerId)
"""What a broker says when it no longer takes this producer's word for the order of its records."""
RETRY_SECONDS = 0.1

log = structlog.get_logger()


class KafkaBus:
    """The contract's Bus on Kafka; open it with `KafkaBus.open`. Topics are made by `declare_topics`."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        prefix: str,
        clock: Clock,
        publish_timeout: float,
        longest_kept: timedelta,
        topics: Iterable[Topic],
        patience: Patience,
    ) -> None:
        """Nothing is connected before it is needed."""
        self._prefix, self._clock = prefix, clock
        self._publish_timeout, self._longest_kept, self._patience = publish_timeout, longest_kept, patience
        self._topics = {topic.name: topic for topic in topics}
        self._clients = Clients(servers, patience)
        self._producer = Connected(self._clients, self._clients.producer)
        self._admin = Connected(self._clients, self._clients.admin)
        self._readers = Readers(self._clients, patience)
        self._members: set[KafkaMember] = set()
        self._fenced = asyncio.Event()
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        servers: Sequence[str],
        *,
        prefix: str = "",
        clock: Clock = utc_now,
        publish_timeout: float = 5.0,
        longest_kept: timedelta = timedelta.max,
        topics: Iterable[Topic] = tuple(TOPICS.values()),
        patience: Patience | None = None,
    ) -> AsyncIterator["KafkaBus"]:
        """The bus of the brokers `servers` (HOST:PORT), closed at the end; they need not be there yet.

        `prefix` begins the names of all topics and groups on the brokers; `publish_timeout` is in seconds;
        `longest_kept` caps the retention of every topic that is not compacted.
        """
        bus = cls(
            servers,
            prefix=prefix,
            clock=clock,
            publish_timeout=publish_timeout,
            longest_kept=longest_kept,
            topics=topics,
            patience=patience or Patience(answer=publish_timeout),
        )
        try:
            yield bus
        finally:
            await bus.close()

    async def publish(self, events: Sequence[Event], *, source: str) -> None:
        """As the contract says."""
        at = self._clock()
        stamp = int(at.timestamp() * 1000)
        self._check()
        sent: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._publish_timeout):
                await self._readers.settled()
                producer = await self._producer.get()
                for event in events:
                    name = self._name(event.topic)
                    counts = len(await producer.partitions_for(name))
                    sent.append(
                        await producer.send(
                            name,
                            envelope.encode(event, source=source, at=at),
                            event.key.encode(),
                            partition_of(event.key, counts),
                            stamp,
                        )
                    )
                for future in sent:
                    await future
        except TimeoutError as error:
            self._abandon(sent)
            raise Unavailable(f"the bus did not confirm within {self._publish_timeout:g} s") from error
        except MessageSizeTooLargeError as error:
            self._abandon(sent)
            raise ValueError(f"an event has more than {LARGEST_EVENT} bytes") from error
        except KafkaError as error:
            self._abandon(sent)
            raise self._failure(error) from error
        except BaseException:
            self._abandon(sent)
            raise

    async def until_fenced(self) -> None:
        """As the contract says."""
        await self._fenced.wait()
        self._check()

    async def join(self, group: str, topics: Sequence[Topic]) -> KafkaMember:
        """As the contract says."""
        self._check_open()
        for topic in topics:
            await self._partitions(topic)
        names = {self._name(topic): topic.name for topic in topics}
        member = KafkaMember(
            self._clients, self._prefix + group, names, self._patience, self._oldest, self._members.discard
        )
        await member.enter()
        self._members.add(member)
        return member

    async def follow(self, topic: Topic, apply: Apply, caught_up: Callable[[], None]) -> None:
        """As the contract says."""
        await self._readers.follow(await self._partitions(topic), topic.name, apply, caught_up)

    def tail(self, topic: Topic, after: int | None) -> AsyncIterator[tuple[int, Event]]:
        """As the contract says. Raises ValueError for a topic of several partitions."""
        if topic.partitions != 1:
            raise ValueError(f"{topic.name} has {topic.partitions} partitions; only one can be tailed")
        return self._readers.tail(TopicPartition(self._name(topic), 0), topic.name, after)

    async def backlog(self, group: str, topic: Topic) -> int:
        """As the contract says."""
        places = await self._places(group, await self._partitions(topic))
        return sum(end - start for start, end in places.values())

    async def lag(self, group: str, topics: Sequence[Topic]) -> Sequence[Lag]:
        """As the contract says."""
        partitions = [(topic, place) for topic in topics for place in await self._partitions(topic)]
        places = await self._places(group, [place for _, place in partitions])
        starts = {place: start for place, (start, end) in places.items() if start < end}
        since = await self._readers.stamps(starts) if starts else {}
        return [
            Lag(group, topic.name, place.partition, places[place][1] - places[place][0], since.get(place))
            for topic, place in partitions
        ]

    async def prune(self) -> int:
        """As the contract says. Kafka compacts by itself and deletes only whole segments; here the rest goes too.

        Records past their retention are out of everyone's reach at once; their bytes go with their segment.
        """
        gone = 0
        for topic in self._topics.values():
            if stamp := self._past(topic):
                gone += await self._delete(topic, stamp)
        return gone

    async def close(self) -> None:
        """As the contract says."""
        self._closed = True
        members, self._members = self._members, set()
        await asyncio.gather(*(member.close() for member in members), self._readers.close())
        await self._producer.close()
        await self._admin.close()
        await self._clients.close()

    def _oldest(self, name: str) -> int:
        """The stamp (ms) before which nobody is given the topic's records any more; 0: all are given."""
        topic = self._topics[name]
        return 0 if topic.kept_for else self._past(topic)

    def _past(self, topic: Topic) -> int:
        """The stamp (ms) before which the topic's records are past their retention; 0: none ever is."""
        kept = min(topic.retention, self._longest_kept)
        return 0 if topic.compacted else max(0, int((self._clock().timestamp() - kept.total_seconds()) * 1000))

    async def _delete(self, topic: Topic, stamp: int) -> int:
        partitions = await self._partitions(topic)
        handled = await self._places(topic.kept_for, partitions) if topic.kept_for else None
        async with answered(self._patience.answer, "delete old records"):
            observer = await self._readers.observer.get()
            oldest = await observer.beginning_offsets(partitions)
            ends = await observer.end_offsets(partitions)
            young = await observer.offsets_for_times(dict.fromkeys(partitions, stamp))
            goals = {place: ends[place] if young[place] is None else young[place].offset for place in partitions}
            if handled is not None:
                goals = {place: min(goal, handled[place][0]) for place, goal in goals.items()}
            old = {place: goal for place, goal in goals.items() if goal > oldest[place]}
            if not old:
                return 0
            admin = await self._admin.get()
            reached = await admin.delete_records({place: RecordsToDelete(goal) for place, goal in old.items()})
        return sum(reached[place] - oldest[place] for place in old)

    async def _places(self, group: str, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """The next offset that the group has to handle, and the end, of each partition."""
        async with answered(self._patience.answer, "say how far a group is"):
            admin, observer = await self._admin.get(), await self._readers.observer.get()
            committed, oldest, ends = await asyncio.gather(
                self._committed(admin, group, partitions),
                observer.beginning_offsets(partitions),
                observer.end_offsets(partitions),
            )
        places = {}
        for place in partitions:
            told = committed.get(place)
            places[place] = (max(oldest[place], told.offset if told is not None else 0), ends[place])
        return {place: (min(start, end), end) for place, (start, end) in places.items()}

    async def _committed(self, admin: Any, group: str, partitions: Sequence[TopicPartition]) -> dict[Any, Any]:
        while True:
            try:
                told: dict[Any, Any] = await admin.list_consumer_group_offsets(
                    self._prefix + group, partitions=list(partitions)
                )
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(RETRY_SECONDS)  # a coordinator is being found, as after each start of a broker
            else:
                return told

    async def _partitions(self, topic: Topic) -> list[TopicPartition]:
        self._check_open()
        name = self._name(topic)
        async with answered(self._publish_timeout, f"name the partitions of {topic.name}; is it declared?"):
            producer = await self._producer.get()
            return [TopicPartition(name, number) for number in sorted(await producer.partitions_for(name))]

    def _name(self, topic: Topic) -> str:
        if topic.name not in self._topics:
            raise ValueError(f"no event of the catalogue goes to topic {topic.name}")
        return self._prefix + topic.name

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the bus is closed")

    def _check(self) -> None:
        self._check_open()
        if self._fenced.is_set():
            raise Fenced("the brokers no longer take this process's word: it must end and start anew")

    def _failure(self, error: KafkaError) -> Exception:
        if isinstance(error, FATAL) or self._producer.died():
            if not self._fenced.is_set():
                log.error("producer_fenced", reason=type(error).__name__)
            self._fenced.set()
            return Fenced(f"the brokers refused this producer: {type(error).__name__}")
        what = "is closed" if isinstance(error, ProducerClosed) else f"did not take the events: {type(error).__name__}"
        return Unavailable(f"the bus {what}")

    def _abandon(self, sent: Sequence["asyncio.Future[Any]"]) -> None:
        """Nobody waits for these any more; a refusal of the producer is still heard."""
        for future in sent:
            future.add_done_callback(self._heard)

    def _heard(self, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and isinstance(error := future.exception(), KafkaError):
            self._failure(error)
