"""Several processes of one service on PostgreSQL, and a server that is killed: nothing is lost or out of order."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import databases
import engines
import pytest
from databases import PASSWORD, as_roles
from sqlalchemy import insert, select, text, update
from standing import eventually
from unit.common.kiosk.service import KIOSK
from unit.common.test_units_of_work import BARE, Line, note, record, relay_of, revoked

from platekeeper.stack.postgresql import Server
from platekeeper_common import ids
from platekeeper_common.bus.contract import Bus, Unavailable
from platekeeper_common.db import Database
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.provision import every_role, provision
from platekeeper_common.relay import Relay

TABLE = """
    CREATE TABLE note (text TEXT PRIMARY KEY, times INTEGER);
    GRANT SELECT, INSERT, UPDATE ON note TO kiosk
"""


@pytest.fixture
async def url(engine: str) -> str:
    """A database with a table of notes."""
    assert engine == "postgresql"
    url = f"{as_roles(await databases.create((BARE,))).format(service='kiosk')}?schema=kiosk"
    await databases.run(url, TABLE)
    return url


@pytest.fixture
async def processes(url: str) -> AsyncIterator[tuple[Database, Database]]:
    """The service's database as two processes have it open."""
    async with Database.open(url) as one, Database.open(url) as other:
        yield (one, other)


on_postgresql = pytest.mark.parametrize("engine", ["postgresql"])


class Slow(Line):
    """A bus that takes its time, so that relays would overlap if they could."""

    publishing = 0

    async def publish(self, events: Sequence[Event], *, source: str) -> None:
        assert self.publishing == 0
        self.publishing += 1
        await asyncio.sleep(0.002)
        await super().publish(events, source=source)
        self.publishing -= 1


@on_postgresql
@pytest.mark.clause("G3")
async def test_relays_of_two_processes_send_everything_once_in_order(processes: tuple[Database, Database]) -> None:
    line, dice = Slow(), random.Random(5)
    relays = [asyncio.create_task(Relay(db, cast(Bus, line), "kiosk").run()) for db in processes]

    async def work(number: int) -> None:
        async with dice.choice(processes).tx() as tx:
            await asyncio.sleep(dice.random() / 50)
            tx.emit(record(str(number)))
            if number % 4 == 0:
                raise asyncio.CancelledError

    for start in range(0, 120, 40):
        await asyncio.gather(*(work(number) for number in range(start, start + 40)), return_exceptions=True)
    await eventually(lambda: len(line.taken) == 90, 20)
    assert [cast(AccessRecorded, event).number for event in line.taken] == list(range(1, 91))
    for relay in relays:
        relay.cancel()
    await asyncio.gather(*relays, return_exceptions=True)


@on_postgresql
async def test_a_commit_wakes_the_relay_of_another_process(processes: tuple[Database, Database]) -> None:
    speaker, sender = processes
    line = Line()
    running = asyncio.create_task(Relay(sender, cast(Bus, line), "kiosk", poll=3600).run())
    await asyncio.sleep(0.5)
    async with speaker.tx() as tx:
        tx.emit(revoked("a"))
    await eventually(lambda: len(line.taken) == 1, 20)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@on_postgresql
async def test_what_is_read_under_the_lock_is_true_in_every_process(processes: tuple[Database, Database]) -> None:
    async with processes[0].tx() as tx:
        await tx.write(insert(note).values(text="shared", times=0))

    async def work(db: Database) -> None:
        async with db.tx() as tx:
            await tx.rows(select(note))
            await tx.lock()
            row = await tx.row(select(note))
            assert row is not None
            await asyncio.sleep(0)
            await tx.write(update(note).values(times=row.times + 1))

    async def hold(db: Database) -> None:
        async with db.tx() as tx:
            (row,) = await tx.hold(select(note).with_for_update())
            await asyncio.sleep(0)
            await tx.write(update(note).values(times=row.times + 1))

    await asyncio.gather(*(work(db) for db in processes * 15))
    await asyncio.gather(*(hold(db) for db in processes * 15))
    async with processes[0].tx() as tx:
        row = await tx.row(select(note))
    assert row is not None
    assert row.times == 60


@on_postgresql
async def test_one_process_at_a_time_is_alone(processes: tuple[Database, Database]) -> None:
    within: list[str] = []

    async def work(db: Database, name: str) -> None:
        async with db.alone(name):
            assert name not in within
            within.append(name)
            await asyncio.sleep(0.01)
            within.remove(name)

    await asyncio.gather(*(work(db, name) for db in processes for name in ("a", "b", "a")))


@on_postgresql
async def test_two_that_wait_for_each_other_are_told_to_come_again(processes: tuple[Database, Database]) -> None:
    async with processes[0].tx() as tx:
        await tx.write(insert(note), [{"text": name, "times": 0} for name in "ab"])

    async def change(db: Database, first: str, second: str) -> None:
        async with db.tx() as tx:
            await tx.write(update(note).where(note.c.text == first).values(times=1))
            await asyncio.sleep(0.2)
            await tx.write(update(note).where(note.c.text == second).values(times=2))

    ended = await asyncio.gather(change(processes[0], "a", "b"), change(processes[1], "b", "a"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["NoneType", "Unavailable"]


async def test_a_server_that_is_killed_loses_nothing_that_was_committed() -> None:
    # Where its own user reaches it: pytest's folders are root's alone.
    server = Server(Path(os.environ[engines.VARIABLE]) / f"own-{ids.new()}", durable=False)
    server.start()
    try:
        service = replace(KIOSK, migrations=None, grants=())
        await provision(server.url(), [service], dict.fromkeys(every_role([service]), PASSWORD))
        url = f"{server.url(role='kiosk', password=PASSWORD)}?schema=kiosk"
        async with Database.open(url) as db:
            line = Line()
            running = asyncio.create_task(relay_of(db, line).run())
            async with db.tx() as tx:
                tx.emit(record("a"))
            await eventually(lambda: len(line.taken) == 1)
            line.cut = "before"
            async with db.tx() as tx:
                tx.emit(record("b"))
            server.kill()
            for _ in range(3):
                with pytest.raises(Unavailable):
                    async with db.tx() as tx:
                        tx.emit(record("c"))
            line.cut = None
            server.start()

            async def written() -> bool:
                with suppress(Unavailable):
                    async with db.tx() as tx:
                        await tx.rows(select(text("1")))
                        tx.emit(record("d"))
                    return True
                return False

            await eventually(written, 20)
            await eventually(lambda: len(line.taken) == 3, 20)
            assert [cast(AccessRecorded, event).number for event in line.taken] == [1, 2, 3]
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    finally:
        server.stop()
