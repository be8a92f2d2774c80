"""A unit of work commits rows, events and gapless record numbers together, or leaves nothing; the relay sends them."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import databases
import msgspec
import pytest
from databases import Engine, as_roles, on_both
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError
from standing import TestClock, eventually
from unit.common.kiosk.service import KIOSK

from platekeeper_common import outbox
from platekeeper_common.bus.contract import Bus, Unavailable
from platekeeper_common.bus.embedded import EmbeddedBus
from platekeeper_common.db import Database
from platekeeper_common.events.access import AccessRecorded, AccessRevoked
from platekeeper_common.events.envelope import Event
from platekeeper_common.ids import AgencyId
from platekeeper_common.migrate import migrate
from platekeeper_common.relay import Relay, oldest_record

pytestmark = on_both
AGENCY = AgencyId("pomona-pd")
MOMENT = datetime(2026, 11, 22, 18, tzinfo=UTC)
BARE = replace(KIOSK, migrations=None, grants=())
note = Table("note", MetaData(), Column("text", String, primary_key=True), Column("times", Integer))


class Line:
    """A bus that can be cut before it takes what is published, or just after, when it can no longer say so."""

    def __init__(self) -> None:
        self.cut: str | None = None
        self.taken: list[Event] = []

    async def publish(self, events: Sequence[Event], *, source: str) -> None:
        assert source == "kiosk"
        if self.cut == "before":
            raise Unavailable("bus: cut")
        self.taken.extend(events)
        if self.cut == "after":
            raise Unavailable("bus: no answer")


def relay_of(db: Database, line: Line) -> Relay:
    return Relay(db, cast(Bus, line), "kiosk")


def record(subject: str) -> AccessRecorded:
    return AccessRecorded(
        id=f"record-{subject}",
        agency_id=AGENCY,
        producer="kiosk",
        number=0,
        at=MOMENT,
        kind="administration",
        action="device.register",
        outcome="allowed",
        subject=subject,
        username=subject,
        name=subject,
        organisation="Pomona Police Department",
        policy_version="1",
        salt="",
        object_type="note",
        object_id=subject,
    )


def revoked(subject: str) -> AccessRevoked:
    return AccessRevoked(agency_id=AGENCY, before=MOMENT, subject=subject)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def url(tmp_path: Path, engine: Engine) -> str:
    """A database with a table of notes."""
    table = "CREATE TABLE note (text TEXT PRIMARY KEY, times INTEGER)"
    if engine == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path / 'kiosk.sqlite'}"
        await migrate(url, None)
        await databases.run(url, table)
        return url
    administrator = await databases.create((BARE,))
    url = f"{as_roles(administrator).format(service='kiosk')}?schema=kiosk"
    await databases.run(url, table)
    await databases.run(url, "GRANT SELECT, INSERT, UPDATE ON note TO kiosk")
    return url


@pytest.fixture
async def db(url: str, clock: TestClock) -> AsyncIterator[Database]:
    async with Database.open(url, clock) as db:
        yield db


async def notes(db: Database) -> dict[str, int]:
    async with db.tx() as tx:
        return {row.text: row.times for row in await tx.rows(select(note))}


async def waiting(db: Database) -> list[Event]:
    """What lies in the outbox, in order."""
    async with db.tx() as tx:
        rows = await tx.rows(select(outbox.outbox).order_by(outbox.outbox.c.id))
    return [msgspec.json.decode(row.data, type=AccessRecorded) for row in rows if row.access_record]


async def test_what_fails_leaves_neither_rows_nor_events(db: Database) -> None:
    async def fail() -> None:
        async with db.tx() as tx:
            await tx.write(insert(note).values(text="a", times=1))
            tx.emit(record("a"))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    assert (await notes(db), await waiting(db)) == ({}, [])


async def test_nothing_is_seen_before_the_commit(db: Database) -> None:
    async with db.tx() as tx:
        await tx.write(insert(note).values(text="a", times=1))
        assert [row.text for row in await tx.rows(select(note))] == ["a"]
        assert await notes(db) == {}
    assert await notes(db) == {"a": 1}


async def test_reads_are_of_one_moment_until_the_first_write(db: Database) -> None:
    async with db.tx() as tx:
        assert await tx.row(select(note)) is None
        async with db.tx() as other:
            await other.write(insert(note).values(text="a", times=1))
        assert await tx.row(select(note)) is None
        await tx.lock()
        assert await tx.row(select(note)) is not None


async def test_reading_and_then_writing_beside_other_writers_always_succeeds(db: Database) -> None:
    async with db.tx() as tx:
        await tx.write(insert(note).values(text="shared", times=0))

    async def work(number: int) -> None:
        async with db.tx() as tx:
            before = await tx.row(select(note).where(note.c.text == "shared"))
            assert before is not None
            await asyncio.sleep(0)
            await tx.write(insert(note).values(text=f"own {number}", times=before.times))
            await tx.write(update(note).where(note.c.text == "shared").values(times=note.c.times + 1))

    await asyncio.gather(*(work(number) for number in range(60)))
    assert (await notes(db))["shared"] == 60
    assert len(await notes(db)) == 61


async def test_what_is_read_under_the_lock_is_true_at_the_commit(db: Database) -> None:
    async with db.tx() as tx:
        await tx.write(insert(note).values(text="shared", times=0))

    async def work() -> None:
        async with db.tx() as tx:
            await tx.lock()
            row = await tx.row(select(note))
            assert row is not None
            await asyncio.sleep(0)
            await tx.write(update(note).values(times=row.times + 1))

    await asyncio.gather(*(work() for _ in range(40)))
    assert await notes(db) == {"shared": 40}


@pytest.mark.clause("G3")
async def test_numbers_are_gapless_whatever_fails_beside(db: Database) -> None:
    dice = random.Random(3)
    fates = [dice.choice(["commit", "commit two", "raise", "violate", "cancel", "read"]) for _ in range(120)]

    async def work(number: int, fate: str) -> None:
        async with db.tx() as tx:
            await tx.rows(select(note))
            await asyncio.sleep(0)
            if fate == "read":
                return
            tx.emit(record(f"{number} a"), revoked(str(number)))
            if fate == "commit two":
                tx.emit(record(f"{number} b"))
            await tx.write(insert(note).values(text=str(number), times=1))
            match fate:
                case "raise":
                    raise RuntimeError("on purpose")
                case "violate":
                    await tx.write(insert(note).values(text=str(number), times=2))
                case "cancel":
                    raise asyncio.CancelledError

    ended = await asyncio.gather(*(work(*each) for each in enumerate(fates)), return_exceptions=True)
    expected = {"raise": RuntimeError, "violate": IntegrityError, "cancel": asyncio.CancelledError}
    assert [type(end) for end in ended] == [expected.get(fate, type(None)) for fate in fates]
    records = cast(list[AccessRecorded], await waiting(db))
    assert [one.number for one in records] == list(range(1, len(records) + 1))
    assert len(records) == sum({"commit": 1, "commit two": 2}.get(fate, 0) for fate in fates)
    assert set(await notes(db)) == {str(number) for number, fate in enumerate(fates) if fate.startswith("commit")}


async def test_an_error_of_the_database_quotes_no_plate(db: Database) -> None:
    async def twice() -> None:
        async with db.tx() as tx:
            await tx.write(insert(note).values(text="7KXQ042", times=1))
            await tx.write(insert(note).values(text="7KXQ042", times=2))

    with pytest.raises(IntegrityError) as error:
        await twice()
    assert "7KXQ042" not in str(error.value)


async def test_after_a_failed_statement_nothing_is_committed(db: Database) -> None:
    async with db.tx() as tx:
        await tx.write(insert(note).values(text="a", times=1))

    async def go_on() -> None:
        async with db.tx() as tx:
            await tx.write(insert(note).values(text="b", times=1))
            with suppress(IntegrityError):
                await tx.write(insert(note).values(text="a", times=2))

    with pytest.raises(RuntimeError, match="none of it can be committed"):
        await go_on()
    assert await notes(db) == {"a": 1}


async def test_no_numbers_no_commit(db: Database, url: str) -> None:
    await databases.run(url, "DROP TABLE access_number")

    async def write_and_record() -> None:
        async with db.tx() as tx:
            await tx.write(insert(note).values(text="a", times=1))
            tx.emit(record("a"))

    with pytest.raises(Unavailable):
        await write_and_record()
    assert await notes(db) == {}
    async with db.tx() as tx:
        await tx.write(insert(note).values(text="b", times=1))
    assert await notes(db) == {"b": 1}


async def test_the_oldest_unsent_record_is_known(db: Database, clock: TestClock) -> None:
    async def oldest() -> datetime | None:
        async with db.tx() as tx:
            return await oldest_record(tx)

    async with db.tx() as tx:
        tx.emit(revoked("a"))
    assert await oldest() is None
    clock.advance(minutes=1)
    for subject in ("b", "c"):
        async with db.tx() as tx:
            tx.emit(record(subject))
        clock.advance(minutes=1)
    assert await oldest() == MOMENT + timedelta(minutes=1)
    await relay_of(db, Line()).send()
    assert await oldest() is None


async def test_the_relay_sends_in_order_and_deletes_what_it_sent(db: Database) -> None:
    line = Line()
    async with db.tx() as tx:
        tx.emit(record("a"), revoked("b"))
    async with db.tx() as tx:
        tx.emit(record("c"))
    assert await relay_of(db, line).send() == 3
    assert [cast(AccessRecorded | AccessRevoked, event).subject for event in line.taken] == ["a", "b", "c"]
    assert await relay_of(db, line).send() == 0
    assert await waiting(db) == []


async def test_what_the_bus_did_not_confirm_is_sent_again(db: Database) -> None:
    line = Line()
    async with db.tx() as tx:
        tx.emit(record("a"))
    line.cut = "after"
    with pytest.raises(Unavailable):
        await relay_of(db, line).send()
    line.cut = None
    await relay_of(db, line).send()
    assert [cast(AccessRecorded, event).number for event in line.taken] == [1, 1]
    assert line.taken[0] == line.taken[1]


async def test_the_relay_outlives_an_outage(db: Database) -> None:
    line = Line()
    line.cut = "before"
    relay = relay_of(db, line)
    running = asyncio.create_task(relay.run())
    async with db.tx() as tx:
        tx.emit(record("a"))
    await eventually(lambda: relay.trouble == "bus: cut")
    async with db.tx() as tx:
        tx.emit(record("b"))
    assert line.taken == []
    line.cut = None
    await eventually(lambda: relay.trouble is None)
    async with db.tx() as tx:
        tx.emit(record("c"))
    await eventually(lambda: len(line.taken) == 3)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [cast(AccessRecorded, event).number for event in line.taken] == [1, 2, 3]


async def test_a_closed_bus_costs_nothing(db: Database, tmp_path: Path) -> None:
    async with EmbeddedBus.open(tmp_path / "bus.sqlite") as bus:
        closed = Relay(db, bus, "kiosk")
    async with db.tx() as tx:
        tx.emit(record("a"))
    with pytest.raises(Unavailable):
        await closed.send()
    async with EmbeddedBus.open(tmp_path / "bus.sqlite") as bus:
        assert await Relay(db, bus, "kiosk").send() == 1
        member = await bus.join("reader", [AccessRecorded.topic])
        batch = await member.poll(10)
        assert batch is not None
        assert len(batch.records) == 1
        await member.leave()
