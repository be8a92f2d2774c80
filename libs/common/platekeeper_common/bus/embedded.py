"""The bus of one process: a partitioned log in one SQLite file. For several processes there is Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from platekeeper_common.bus import journal
from platekeeper_common.bus.contract import Apply, Lag, Record, TooOld, Unavailable, partition_of
from platekeeper_common.bus.groups import Bell, Claim, EmbeddedMember, Group, Patience
from platekeeper_common.bus.journal import Head, Journal
from platekeeper_common.clock import Clock, utc_now
from platekeeper_common.events import envelope
from platekeeper_common.events.catalogue import TOPICS, decode
from platekeeper_common.events.envelope import Event, Topic, Undecodable

MOST_PARTITIONS = 4
"""Partitions of a topic in this bus: one process gains nothing from more."""
MOST_READ = 500
MOST_DROPPED = 1000
"""Records that pruning removes in one transaction, so that publishers need not wait long."""

log = structlog.get_logger()


class EmbeddedBus:
    """The contract's Bus in one SQLite file, for one process; open it with `EmbeddedBus.open`."""

    def __init__(
        self, file: Journal, *, clock: Clock, publish_timeout: float, longest_kept: timedelta, patience: Patience
    ) -> None:
        """Take an open file; `load` must follow."""
        self._journal = file
        self._clock = clock
        self._publish_timeout = publish_timeout
        self._longest_kept = longest_kept
        self._patience = patience
        self._bell = Bell()
        self._heads: dict[int, Head] = {}
        self._topics: dict[str, list[Head]] = {}
        self._groups: dict[str, Group] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        clock: Clock = utc_now,
        publish_timeout: float = 5.0,
        longest_kept: timedelta = timedelta.max,
        patience: Patience | None = None,
    ) -> AsyncIterator["EmbeddedBus"]:
        """The bus in the file at `path`, made when absent, closed at the end; the folder must exist.

        `publish_timeout` is in seconds; `longest_kept` caps the retention of every topic that is not compacted.
        Raises Unavailable when the file cannot be opened, OSError when it cannot be made, ValueError when it has
        another format. The caller keeps other processes out.
        """
        bus = cls(
            Journal(path, patience=publish_timeout),
            clock=clock,
            publish_timeout=publish_timeout,
            longest_kept=longest_kept,
            patience=patience or Patience(),
        )
        try:
            await bus.load()
            yield bus
        finally:
            await bus.close()

    async def load(self) -> None:
        """Make the partitions of every topic of the catalogue, and learn all ends and cursors."""
        for topic in TOPICS.values():
            partitions = min(topic.partitions, MOST_PARTITIONS)
            await self._journal.write(partial(journal.declare, topic=topic.name, partitions=partitions))
        for head in await self._journal.read(journal.heads):
            self._heads[head.log] = head
            self._topics.setdefault(head.topic, []).append(head)
        for name, number, following, epoch in await self._journal.read(journal.cursors):
            self._group(name).claims[number] = Claim(self._heads[number], following, epoch)

    async def publish(self, events: Sequence[Event], *, source: str) -> None:
        """As the contract says."""
        at = self._clock()
        batches: dict[int, list[tuple[str, bytes]]] = {}
        for event in events:
            heads = self._partitions(event.topic)
            head = heads[partition_of(event.key, len(heads))]
            batches.setdefault(head.log, []).append((event.key, envelope.encode(event, source=source, at=at)))
        appending = partial(journal.append, batches=batches, at=journal.stamp(at))
        try:
            async with asyncio.timeout(self._publish_timeout):
                await self._journal.write(appending, self._appended)
        except TimeoutError as error:
            raise Unavailable(f"the bus did not confirm within {self._publish_timeout} s") from error

    async def until_fenced(self) -> None:
        """As the contract says; nobody can take the place of the one process."""
        await asyncio.Event().wait()

    async def join(self, group: str, topics: Sequence[Topic]) -> EmbeddedMember:
        """As the contract says."""
        logs = {head.log for topic in topics for head in self._partitions(topic)}
        joined = self._group(group)
        for number, following, epoch in await self._journal.write(partial(journal.register, group=group, logs=logs)):
            joined.claims.setdefault(number, Claim(self._heads[number], following, epoch))
        return EmbeddedMember(joined, logs)

    async def follow(self, topic: Topic, apply: Apply, caught_up: Callable[[], None]) -> None:
        """As the contract says."""
        heads = self._partitions(topic)
        goals = {head.log: head.next for head in heads}
        places = {head.log: head.oldest for head in heads}
        told = False
        while True:
            rung = self._bell.listen()
            for head in heads:
                while places[head.log] < head.next:
                    places[head.log] = await self._apply(head, places[head.log], apply)
            if not told and all(places[number] >= goal for number, goal in goals.items()):
                told = True
                caught_up()
            self._journal.check_open()
            await rung.wait()

    def tail(self, topic: Topic, after: int | None) -> AsyncIterator[tuple[int, Event]]:
        """As the contract says; TooOld is raised at the call. Raises ValueError for a topic of several partitions."""
        heads = self._partitions(topic)
        if len(heads) != 1:
            raise ValueError(f"{topic.name} has {len(heads)} partitions; only one can be tailed")
        [head] = heads
        start = head.next if after is None else after + 1
        if start > head.next:
            raise TooOld(f"offset {after} of {topic.name} was never given out")
        _check_kept(head, start)
        return self._tail(head, start)

    async def backlog(self, group: str, topic: Topic) -> int:
        """As the contract says."""
        known = self._groups[group].claims if group in self._groups else {}
        heads = self._partitions(topic)
        return sum(known[head.log].backlog if head.log in known else head.next - head.oldest for head in heads)

    async def lag(self, group: str, topics: Sequence[Topic]) -> Sequence[Lag]:
        """As the contract says."""
        known = self._groups[group].claims if group in self._groups else {}
        heads = [head for topic in topics for head in self._partitions(topic)]
        places = [(head, known[head.log].backlog if head.log in known else head.next - head.oldest) for head in heads]
        self._journal.check_open()
        starts = {head.log: head.next - behind for head, behind in places if behind}
        since = await self._journal.read(partial(journal.stamps, starts=starts)) if starts else {}
        return [Lag(group, head.topic, head.partition, behind, since.get(head.log)) for head, behind in places]

    async def prune(self) -> int:
        """As the contract says; the removed bytes are overwritten, in the database and in the write-ahead log."""
        now, gone = self._clock(), 0
        for head in self._heads.values():
            topic = TOPICS.get(head.topic, Topic(head.topic))
            before = journal.stamp(now - min(topic.retention, self._longest_kept))
            gone += await (self._compact(head, before) if topic.compacted else self._drop(head, topic, before))
        await self._journal.checkpoint()
        return gone

    async def close(self) -> None:
        """As the contract says."""
        await self._journal.close()
        self._bell.ring()

    def _partitions(self, topic: Topic) -> list[Head]:
        if topic.name not in self._topics:
            raise ValueError(f"no event of the catalogue goes to topic {topic.name}")
        return self._topics[topic.name]

    def _group(self, name: str) -> Group:
        if name not in self._groups:
            self._groups[name] = Group(name, self._journal, self._bell, self._patience)
        return self._groups[name]

    def _appended(self, ends: dict[int, int]) -> None:
        for number, end in ends.items():
            self._heads[number].next = end
        self._bell.ring()

    async def _apply(self, head: Head, start: int, apply: Apply) -> int:
        end = head.next
        found = await self._journal.read(partial(journal.records, head=head, start=start, most=MOST_READ))
        for record in found:
            await apply(decode(record.value))
        return found[-1].offset + 1 if found else end

    async def _tail(self, head: Head, start: int) -> AsyncIterator[tuple[int, Event]]:
        while True:
            rung = self._bell.listen()
            while start < head.next:
                _check_kept(head, start)
                end = head.next
                found = await self._journal.read(partial(journal.records, head=head, start=start, most=MOST_READ))
                for record in found:
                    if (event := _decoded(record)) is not None:
                        yield record.offset, event
                start = found[-1].offset + 1 if found else end
            self._journal.check_open()
            await rung.wait()

    async def _drop(self, head: Head, topic: Topic, before: int) -> int:
        below = head.next if topic.kept_for is None else self._handled(topic.kept_for, head)

        def dropped(answer: tuple[int, int]) -> None:
            head.oldest = answer[1]

        gone = 0
        while True:
            dropping = partial(journal.drop, log=head.log, before=before, below=below, most=MOST_DROPPED)
            removed, _ = await self._journal.write(dropping, dropped)
            gone += removed
            if removed < MOST_DROPPED:
                return gone

    def _handled(self, group: str, head: Head) -> int:
        """Below which offset the group has handled everything."""
        claim = self._groups[group].claims.get(head.log) if group in self._groups else None
        return head.oldest if claim is None else claim.next

    async def _compact(self, head: Head, before: int) -> int:
        claims = (group.claims.get(head.log) for group in self._groups.values())
        handled = min((claim.next for claim in claims if claim is not None), default=head.next)
        return await self._journal.write(partial(journal.compact, log=head.log, handled=handled, before=before))


def _check_kept(head: Head, start: int) -> None:
    if start < head.oldest:
        raise TooOld(f"{head.topic} is kept from offset {head.oldest} on; {start} was asked for")


def _decoded(record: Record) -> Event | None:
    try:
        return decode(record.value)
    except Undecodable:
        log.warning("undecodable_record", topic=record.topic, offset=record.offset)
        return None
