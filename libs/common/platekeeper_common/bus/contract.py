"""What every bus promises; `tests/contracts/bus` holds each backend to it.

A handler ends in one of three ways. `Reject`: that one event goes to the dead letters with its original bytes and the
rest go on. `Unavailable`: the consumer pauses and retries for ever with jitter, and is not ready; a healthy event is
never dead-lettered because a neighbour is down. Any other exception: the batch is bisected; an event that fails five
times alone goes to the dead letters; twenty such in a row stop the consumer.
"""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from platekeeper_common.events.envelope import Event, Topic

Handler = Callable[[Sequence[Event]], Awaitable[None]]
"""Takes events of one partition, in order; must be safe to run twice. Returning means that all of them are done."""
Apply = Callable[[Event], Awaitable[None]]


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: for ever the same, in every process."""
    return zlib.crc32(key.encode()) % partitions


class Reject(Exception):
    """This one event can never be handled: to the dead letters with it."""

    def __init__(self, event: Event, reason: str) -> None:
        """`reason` is a stable code with, after a colon, what was wrong; never a plate."""
        super().__init__(reason)
        self.event = event
        self.reason = reason


class Unavailable(Exception):
    """Something that the handler needs is away (database, bus, objects, time-out): wait and try again."""


class TooOld(LookupError):
    """The bus no longer holds the records after the offset asked for."""


class Fenced(RuntimeError):
    """Another took this one's place, and what was about to be written was not.

    From `Batch.done`: the partition went to another member, its records come again there; this member may poll on.
    From `publish`: another process took this one's place as a producer; the process must end.
    """


@dataclass(frozen=True, slots=True)
class Record:
    """One event as it lies on the bus: its place, and its original bytes."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a group could not handle, its original bytes kept."""

    group: str
    record: Record
    reason: str
    attempts: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind in one partition of a topic."""

    group: str
    topic: str
    partition: int
    behind: int
    """Records that the group has yet to handle; in a compacted topic, at most so many."""
    waiting_since: datetime | None
    """When the first of them was published; None when none waits, or when the bus cannot tell."""


class DeadLetters(Protocol):
    """Where a consumer puts what it cannot handle: a service's own database."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep the letter durably, once per group and place on the bus. Raises Unavailable."""


class Batch(Protocol):
    """Records of one partition, in order, claimed by one member of a group."""

    @property
    def records(self) -> Sequence[Record]:
        """At least one."""

    async def done(self) -> None:
        """Commit: the group goes on behind these records. Doing it twice is the same as once.

        Raises Fenced if another member took the partition, Unavailable when the commit cannot be kept now (try again).
        """


class Member(Protocol):
    """One of a group's consumers: each partition belongs to one member at a time."""

    async def poll(self, most: int) -> Batch | None:
        """The next batch, of up to `most` records; None when nothing came within a second or so.

        The same partition is not handed out again before `done`; without `done` its records come again, to the member
        that has the partition next. A member that is silent for long (neither polls nor commits) is taken for dead and
        loses its partitions; polling again makes it a member again. Raises Unavailable.
        """

    async def leave(self) -> None:
        """Give the partitions back to the rest of the group."""


class Bus(Protocol):
    """A partitioned, durable log of events."""

    async def publish(self, events: Sequence[Event], *, source: str) -> None:
        """Append the events, said by service `source`, each to its topic by its key; all are durable on return.

        Events of one key keep their order. Raises Unavailable when that cannot be had within the publish time-out
        (then some may be there: publishing again is safe because ids are deterministic), Fenced when it never can.
        """

    async def until_fenced(self) -> None:
        """Wait for ever; raises Fenced once `publish` would: this process can say no more, and must end."""

    async def join(self, group: str, topics: Sequence[Topic]) -> Member:
        """Become a member of the group; a group that is new starts at the oldest record. Raises Unavailable."""

    async def follow(self, topic: Topic, apply: Apply, caught_up: Callable[[], None]) -> None:
        """Give every record of the topic to `apply`, from the start, for ever; no group.

        Calls `caught_up` once, when all that was there at the start has been applied. Ends only by raising: what
        `apply` raised, Undecodable (a follower must not skip a word of its register), or Unavailable.
        """

    def tail(self, topic: Topic, after: int | None) -> AsyncIterator[tuple[int, Event]]:
        """The events of a one-partition topic behind offset `after` (None: from this call on), with their offsets.

        Raises TooOld when records behind `after` have been pruned, or when `after` was never given out: at the call or
        at the first event where that can be known, later when the reader falls behind the pruning. Raises Unavailable.
        Undecodable records are left out.
        """

    async def backlog(self, group: str, topic: Topic) -> int:
        """How many records of the topic the group has yet to handle; in a compacted topic, at most so many."""

    async def lag(self, group: str, topics: Sequence[Topic]) -> Sequence[Lag]:
        """How far the group is behind in each partition of the topics. Raises Unavailable."""

    async def prune(self) -> int:
        """Remove what is past its topic's retention, and all but the last record of each key of compacted topics.

        Returns how many records went. What the group that a topic is `kept_for` has yet to handle stays, though that
        group be away; other records go, handled or not. Compaction spares what a group has yet to handle, until that
        too is past the retention. Raises Unavailable when the removed bytes may still lie somewhere; pruning again
        finishes the work.
        """

    async def close(self) -> None:
        """Let go of everything; publishing afterwards raises Unavailable."""
