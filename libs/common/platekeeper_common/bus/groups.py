"""Consumer groups of the embedded bus: who of the members, all tasks of this process, holds which partition.

Partitions are dealt out in turn. One that is to move waits until its batch in hand is done, for a while; then it is
taken, and its old holder is fenced by the epoch in the cursor. A member that stays silent too long loses everything.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from platekeeper_common.bus import journal
from platekeeper_common.bus.contract import Fenced, Record
from platekeeper_common.bus.journal import Head, Journal


class Bell:
    """Wakes everyone who listens."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._event = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """What the next ring sets. Listen first, look for news, then wait: no ring is lost in between."""
        return self._event

    def ring(self) -> None:
        """Wake all who listened since the last ring."""
        self._event.set()
        self._event = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long a poll waits, a moving partition's batch may be finished, and a member may be silent."""

    poll: float = 1.0
    drain: float = 20.0
    silence: float = 300.0


@dataclass(slots=True, eq=False)
class Claim:
    """A group's place in one partition: who holds it, who is to have it, and the batch in hand."""

    head: Head
    next: int
    epoch: int
    holder: "EmbeddedMember | None" = None
    heir: "EmbeddedMember | None" = None
    drained_by: float = 0.0
    in_hand: "EmbeddedBatch | None" = None

    @property
    def backlog(self) -> int:
        """How many offsets lie between the cursor and the end."""
        return max(0, self.head.next - max(self.next, self.head.oldest))


@dataclass(slots=True, eq=False)
class Group:
    """One consumer group: its members of this process and its claims by log."""

    name: str
    journal: Journal
    bell: Bell
    patience: Patience
    claims: dict[int, Claim] = field(default_factory=dict)
    members: list["EmbeddedMember"] = field(default_factory=list)

    def greet(self, member: "EmbeddedMember") -> None:
        """Note that the member lives, and put out those who have been silent too long."""
        member.heard_at = _now()
        silent = [other for other in self.members if member.heard_at - other.heard_at > self.patience.silence]
        newcomers = [] if member in self.members else [member]
        if silent or newcomers:
            self.members = [other for other in self.members if other not in silent] + newcomers
            self._deal()

    def dismiss(self, member: "EmbeddedMember") -> None:
        """Give the member's partitions to the others."""
        self.members = [other for other in self.members if other is not member]
        for claim in self.claims.values():
            if claim.holder is member:
                claim.holder = claim.in_hand = None
        self._deal()

    def open_to(self, member: "EmbeddedMember") -> list[Claim]:
        """The claims from which the member may take a batch now."""
        return [claim for claim in self.claims.values() if claim.backlog and self._free(claim, member)]

    def _free(self, claim: Claim, member: "EmbeddedMember") -> bool:
        if claim.heir is not member:
            return False
        if claim.in_hand is None:
            return True
        return claim.holder is not member and (claim.holder not in self.members or claim.drained_by <= _now())

    def _deal(self) -> None:
        for turn, (log, claim) in enumerate(sorted(self.claims.items())):
            able = [member for member in self.members if log in member.logs]
            heir = able[turn % len(able)] if able else None
            if heir is not claim.heir:
                claim.heir, claim.drained_by = heir, _now() + self.patience.drain
        self.bell.ring()


class EmbeddedMember:
    """A member of a group, as the contract's Member."""

    def __init__(self, group: Group, logs: Iterable[int]) -> None:
        """Enter the group for the partitions `logs`, which the group has claims for."""
        self.logs = frozenset(logs)
        self.heard_at = 0.0
        self._group = group
        self._turn = 0
        group.greet(self)

    async def poll(self, most: int) -> "EmbeddedBatch | None":
        """As the contract says."""
        until = _now() + self._group.patience.poll
        while True:
            rung = self._group.bell.listen()
            self._group.journal.check_open()
            self._group.greet(self)
            if batch := await self._next(most):
                return batch
            if (left := until - _now()) <= 0:
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await rung.wait()

    async def leave(self) -> None:
        """As the contract says."""
        self._group.dismiss(self)

    def heard(self) -> None:
        """Note that the member lives."""
        self.heard_at = _now()

    async def _next(self, most: int) -> "EmbeddedBatch | None":
        self._turn += 1
        claims = self._group.open_to(self)
        for place in range(len(claims)):
            claim = claims[(self._turn + place) % len(claims)]
            if (claim.holder is self or await self._take(claim)) and (batch := await self._fetch(claim, most)):
                return batch
        return None

    async def _take(self, claim: Claim) -> bool:
        claim.holder, claim.in_hand = self, None
        taking = partial(journal.take, group=self._group.name, log=claim.head.log)
        try:
            taken = await self._group.journal.write(taking)
        except BaseException:
            if claim.holder is self:
                claim.holder = None
            raise
        if claim.holder is not self:
            return False
        claim.next, claim.epoch = taken
        return True

    async def _fetch(self, claim: Claim, most: int) -> "EmbeddedBatch | None":
        batch = claim.in_hand = EmbeddedBatch(self._group, self, claim)
        end = claim.head.next
        reading = partial(journal.records, head=claim.head, start=claim.next, most=most)
        try:
            batch.records = await self._group.journal.read(reading)
        finally:
            if not batch.records and claim.in_hand is batch:
                claim.in_hand = None
        if batch.records:
            return batch if claim.in_hand is batch else None
        claim.next = max(claim.next, end)
        return None


class EmbeddedBatch:
    """Records in hand, as the contract's Batch."""

    def __init__(self, group: Group, member: EmbeddedMember, claim: Claim) -> None:
        """Reserve the partition in the claim's present epoch."""
        self.records: Sequence[Record] = ()
        self._group = group
        self._member = member
        self._claim = claim
        self._epoch = claim.epoch
        self._done = False

    async def done(self) -> None:
        """As the contract says."""
        if self._done:
            return
        self._member.heard()
        advancing = partial(
            journal.advance,
            group=self._group.name,
            log=self._claim.head.log,
            following=self.records[-1].offset + 1,
            epoch=self._epoch,
        )
        if not await self._group.journal.write(advancing, self._advanced):
            place = f"{self._claim.head.topic}/{self._claim.head.partition}"
            raise Fenced(f"another member of {self._group.name} took {place}")

    def _advanced(self, moved: bool) -> None:
        self._done = moved
        if moved and self._claim.in_hand is self:
            self._claim.next = self.records[-1].offset + 1
            self._claim.in_hand = None
            self._group.bell.ring()


def _now() -> float:
    return asyncio.get_running_loop().time()
