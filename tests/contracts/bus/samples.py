"""Events, a dead-letter box and short ways to say what the suite says often."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, TypeVar

from contracts.bus.harness import TOPICS

from platekeeper_common.bus.contract import Batch, DeadLetter, Member, Record, Unavailable
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.catalogue import decode
from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.events.hotlist import HitRaised, ListedEntry
from platekeeper_common.events.ingest import DeviceChanged, FrameCaptured, ImageReference
from platekeeper_common.events.recognition import Model, PlateRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, EntryId, FrameId, HitId, ListId, ReadId

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGENCY = AgencyId("pomona")
T = TypeVar("T")


class Misfiled(Event, frozen=True, kw_only=True):
    """A type that the catalogue does not know, on a topic that it does."""

    type: ClassVar[str] = "misfiled.v1"
    topic: ClassVar[Topic] = FrameCaptured.topic

    @property
    def key(self) -> str:
        return "cam-a"


def frame(camera: str, number: int) -> FrameCaptured:
    return FrameCaptured(
        agency_id=AGENCY,
        id=FrameId(f"{camera}/{number}"),
        device_id=DeviceId("gateway"),
        camera_id=CameraId(camera),
        device_frame_id=str(number),
        captured_at=MOMENT,
        received_at=MOMENT,
        live_until=MOMENT,
        image=ImageReference(path=f"pomona/{number}", sha256="0" * 64, media_type="image/jpeg"),
    )


def frames(camera: str, numbers: range) -> list[FrameCaptured]:
    return [frame(camera, number) for number in numbers]


def recorded(number: int) -> AccessRecorded:
    return AccessRecorded(
        agency_id=AGENCY,
        id=f"record-{number}",
        producer="retention",
        number=number,
        at=MOMENT,
        kind="administration",
        action="account.open",
        outcome="allowed",
        subject="account",
        username="chief",
        name="Chief",
        organisation="Pomona Police Department",
        policy_version="1",
        salt="",
    )


def device(name: str, version: int) -> DeviceChanged:
    return DeviceChanged(
        agency_id=AGENCY, device_id=DeviceId(name), name=f"{name} {version}", kind="gateway", secret_sha256="0" * 64
    )


def hit(number: int, plate: str = "7SAM123") -> HitRaised:
    read = PlateRead(
        id=ReadId(f"read-{number}"),
        agency_id=AGENCY,
        camera_id=CameraId("cam-a"),
        device_id=DeviceId("gateway"),
        plate=plate,
        confidence=0.9,
        captured_at=MOMENT,
        received_at=MOMENT,
        live_until=MOMENT,
        source="edge",
        model=Model("edge", "1"),
    )
    entry = ListedEntry(
        id=EntryId("entry"),
        list_id=ListId("list"),
        list_name="Stolen",
        list_source="own",
        plate=plate,
        category="stolen",
        reason="stolen",
    )
    return HitRaised(
        agency_id=AGENCY,
        id=HitId(f"hit-{number}"),
        read=read,
        entry=entry,
        kind="exact",
        score=0.9,
        late=False,
        raised_at=MOMENT,
    )


def number_of(event: Event) -> int:
    assert isinstance(event, FrameCaptured)
    return int(event.device_frame_id)


def numbers(records: Sequence[Record]) -> list[int]:
    return [number_of(decode(record.value)) for record in records]


async def one_batch(member: Member, most: int = 500) -> Batch:
    """The next batch, however many polls it takes."""
    async with asyncio.timeout(20):
        while True:
            if (batch := await member.poll(most)) is not None:
                return batch


async def take_all(*members: Member, expected: int, most: int = 500) -> list[Record]:
    """Poll the members in turn and mark everything done until `expected` records came; one poll more shows no other."""
    taken: list[Record] = []
    async with asyncio.timeout(20):
        while len(taken) < expected:
            for member in members:
                if batch := await member.poll(most):
                    taken += batch.records
                    await batch.done()
    for member in members:
        assert await member.poll(most) is None
    return taken


async def one_of_each(member: Member, most: int = 500) -> list[Batch]:
    """A batch of each partition of frames; all hold some. That a poll found nothing says little: where partitions are
    dealt out in the background, it may have come too early."""
    held: list[Batch] = []
    async with asyncio.timeout(20):
        while len(held) < TOPICS[0].partitions:
            if batch := await member.poll(most):
                held.append(batch)
    return held


async def tried(act: Callable[[], Awaitable[T]]) -> T:
    """What the act answers once the bus is there again, as whoever is told Unavailable tries again."""
    async with asyncio.timeout(20):
        while True:
            with suppress(Unavailable):
                return await act()
            await asyncio.sleep(0.05)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


class Runs(Protocol):
    async def run(self) -> None: ...


@asynccontextmanager
async def running(loop: Runs) -> AsyncIterator["asyncio.Task[None]"]:
    """Run the consumer or follower while inside, then cancel it."""
    task = asyncio.create_task(loop.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass
class LetterBox:
    """Dead letters in memory, once per group and place; `away` makes it Unavailable."""

    letters: list[DeadLetter] = field(default_factory=list)
    away: bool = False

    async def add(self, letter: DeadLetter) -> None:
        if self.away:
            raise Unavailable("the letter box is away")
        if all(self._place(kept) != self._place(letter) for kept in self.letters):
            self.letters.append(letter)

    @staticmethod
    def _place(letter: DeadLetter) -> tuple[Any, ...]:
        return letter.group, letter.record.topic, letter.record.partition, letter.record.offset
