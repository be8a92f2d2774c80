"""Edge reads a second through HTTP, bus, matching and storing in the all-in-one process, beside bare SQLite.

`python benchmarks/embedded.py` stands the whole platform up over a fresh folder, lists some thousand plates, posts
reads in batches as a gateway does, and stops the clock when every read is matched and stored. Then the very rows that
retention stored go into a bare SQLite table with one index, in batches of the same size and as durably (WAL,
synchronous=FULL). The ratio of the two says what everything around the table costs; it moves less than either between
machines. The client that posts runs in the same process.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from platekeeper import client, server
from platekeeper.client import Session
from platekeeper.demo import load, street
from platekeeper.demo.load import USE
from platekeeper.demo.logins import Logins
from platekeeper_access_audit.accounts import handlers as accounts
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import dead_letters, ids, log
from platekeeper_common.access import Use
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.ids import AgencyId, EntryId
from platekeeper_common.settings import Settings
from platekeeper_hotlist import domain, storage
from platekeeper_hotlist.domain import NewEntry
from platekeeper_hotlist.room import HotlistRoom
from platekeeper_recognition.room import RecognitionRoom

POLICIES = Path(__file__).parent.parent / "policies"
SEED = 20261122
BATCH = 100
POSTERS = 4
LISTED_READS = 0.002
"""The share of reads that show a listed plate."""
DRAIN_SECONDS = 30.0
YARDSTICK_RUNS = 3


@dataclass(frozen=True, slots=True)
class Passed:
    """Reads that went the whole way."""

    reads: int
    acknowledged_seconds: float
    """From the first call to the last answer."""
    seconds: float
    """From the first call until every read was matched and stored."""
    refusals: int
    """Calls that were told to come again."""
    matched: int
    """Reads that met a listed plate."""


def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(description="Edge reads a second through the all-in-one process")
    parser.add_argument("--seconds", type=_positive, default=20, help="how long reads are posted")
    parser.add_argument("--entries", type=int, default=5_000, help="how many plates are listed")
    parser.add_argument("--folder", type=Path, help="where the databases lie for the run (otherwise the system's own)")
    options = parser.parse_args()
    log.configure()
    try:
        with tempfile.TemporaryDirectory(prefix="platekeeper-bench-", dir=options.folder) as folder:
            var = Path(folder)
            passed = asyncio.run(_platform(var, options.seconds, options.entries))
            bare = _yardstick(var, passed.reads)
    except KeyboardInterrupt:
        return 130
    print(_report(passed, bare, options.entries))
    return 0


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 600 seconds")
    return number


async def _platform(var: Path, seconds: float, entries: int) -> Passed:
    settings = Settings(var=var, policies=POLICIES, port=0)
    async with server.serve(settings) as serving, client.connect(serving.url) as http:
        try:
            return await _measured(serving, http, seconds, entries)
        except httpx.TransportError:
            if serving.server.stopping.is_set():
                raise KeyboardInterrupt from None
            raise


async def _measured(serving: server.Serving, http: httpx.AsyncClient, seconds: float, entries: int) -> Passed:
    await serving.standing.ready()
    logins = await load.load(http, await _administrator(serving, http), street.samples())
    dice = random.Random(SEED)  # noqa: S311 - the same plates in every run
    listed = [_plate(dice) for _ in range(entries)]
    await _list_plates(serving, AgencyId(logins.agency_id), listed)
    recognition = serving.standing.rooms["recognition"]
    assert isinstance(recognition, RecognitionRoom)  # noqa: S101 - the registry says so
    await recognition.desk.work(lambda engine: engine.model)
    return await _post(serving, http, logins, Street(dice, listed, logins.cameras[:2]), seconds)


async def _administrator(serving: server.Serving, http: httpx.AsyncClient) -> Session:
    room = serving.standing.rooms["accounts"]
    assert isinstance(room, AccountsRoom)  # noqa: S101 - the registry says so
    once = await accounts.create_first_administrator(room)
    assert once is not None  # noqa: S101 - the folder is fresh
    chosen = ids.new()
    await client.person(http, accounts.FIRST_ADMINISTRATOR, once, new_password=chosen).log_in()
    return client.person(http, accounts.FIRST_ADMINISTRATOR, chosen)


async def _list_plates(serving: server.Serving, agency_id: AgencyId, plates: list[str]) -> None:
    """Put the plates on the agency's list in one transaction; one call for each would take minutes."""
    room = serving.standing.rooms["hotlist"]
    assert isinstance(room, HotlistRoom)  # noqa: S101 - the registry says so
    now, use = (
        room.clock(),
        Use(purpose=USE["purpose"], matter_type=USE["matter_type"], matter_number=USE.get("matter_number")),
    )
    async with room.db.tx() as tx:
        await tx.lock()
        (on,) = await storage.lists(tx, agency_id)
        version = await storage.change(tx, on.id, now)
        for plate in plates:
            new = NewEntry(plate=plate, category="stolen_vehicle", reason="Invented", state="CA")
            await storage.add_entry(tx, domain.entry(new, on, EntryId(ids.new()), version, use, "benchmark", now))
    await room.in_force.confirm()


class Street:
    """Reads as two busy cameras would make them, the same in every run but for their time."""

    def __init__(self, dice: random.Random, listed: list[str], cameras: tuple[str, ...]) -> None:
        """`listed` plates come by now and then."""
        self._dice, self._listed, self._cameras = dice, listed, cameras
        self._made = 0

    def batch(self) -> bytes:
        """The next BATCH reads of one camera, one JSON a line."""
        camera = self._cameras[self._made // BATCH % len(self._cameras)]
        captured_at = datetime.now(UTC).isoformat()
        return b"\n".join(json.dumps(self._read(camera, captured_at)).encode() for _ in range(BATCH))

    def _read(self, camera: str, captured_at: str) -> dict[str, Any]:
        dice = self._dice
        self._made += 1
        plate = dice.choice(self._listed) if self._listed and dice.random() < LISTED_READS else _plate(dice)
        confidence = round(dice.uniform(0.8, 0.99), 4)
        return {
            "read_id": f"{self._made}",
            "camera_id": camera,
            "plate": plate,
            "confidence": confidence,
            "captured_at": captured_at,
            "state": "CA",
            "candidates": [
                {"plate": plate, "confidence": confidence},
                {"plate": plate[:-1] + dice.choice("0123456789"), "confidence": round(1 - confidence, 4)},
            ],
            "box": {"x": dice.randrange(800), "y": dice.randrange(400), "width": 120, "height": 44},
            "model": {"name": "roadside", "version": "4.1", "checksum": "ab" * 32},
        }


async def _post(
    serving: server.Serving, http: httpx.AsyncClient, logins: Logins, street_reads: Street, seconds: float
) -> Passed:
    device = client.device(http, logins.device_id, logins.device_secret)
    headers = {**await device.headers(), "Content-Type": "application/x-ndjson"}
    accepted = refusals = 0
    started = time.perf_counter()

    async def poster() -> None:
        nonlocal accepted, refusals
        while time.perf_counter() - started < seconds and not serving.server.stopping.is_set():
            body = street_reads.batch()
            while (answer := await http.post("/v1/reads", content=body, headers=headers)).status_code == 503:
                refusals += 1
                await asyncio.sleep(0.1)
            if answer.status_code != 202 or answer.json()["refused"]:
                raise RuntimeError(f"reads were refused: {answer.status_code} {answer.text[:300]}")
            accepted += answer.json()["accepted"]

    await asyncio.gather(*(poster() for _ in range(POSTERS)))
    acknowledged = time.perf_counter() - started
    await _all_handled(serving)
    whole = time.perf_counter() - started
    if serving.server.stopping.is_set():
        raise KeyboardInterrupt
    stored, matched = await _count(http, "retention", "reads_stored"), await _count(http, "hotlist", "sightings")
    if stored != accepted:
        raise RuntimeError(f"{accepted} reads were accepted and {stored} are stored")
    for room in serving.standing.rooms.values():
        async with room.db.tx() as tx:
            if await dead_letters.find(tx, 1):
                raise RuntimeError("some reads ended in dead letters")
    return Passed(accepted, acknowledged, whole, refusals, matched)


async def _all_handled(serving: server.Serving) -> None:
    """Return when nothing waits for hotlist or retention. Raises TimeoutError."""
    bus = serving.standing.foundation.bus
    async with asyncio.timeout(DRAIN_SECONDS):
        for group in ("hotlist", "retention"):
            while await bus.backlog(group, PlatesRead.topic):  # noqa: ASYNC110 - the bus tells nobody when it is empty
                await asyncio.sleep(0.005)


async def _count(http: httpx.AsyncClient, service: str, name: str) -> int:
    return int((await http.get(f"/health/{service}")).json()["counts"][name])


def _yardstick(var: Path, expected: int) -> float:
    """Rows a second into bare SQLite; the median of some runs."""
    with sqlite3.connect(var / "db" / "retention.sqlite") as kept:
        cursor = kept.execute("SELECT * FROM plate_read ORDER BY received_at")
        columns = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    kept.close()
    if len(rows) != expected:
        raise RuntimeError(f"{expected} reads were stored and {len(rows)} are in the table")
    return median(_insert(var / f"bare-{run}.sqlite", columns, rows) for run in range(YARDSTICK_RUNS))


def _insert(path: Path, columns: list[str], rows: list[tuple[Any, ...]]) -> float:
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute(f"CREATE TABLE plate_read ({', '.join(columns)})")
    bare.execute("CREATE INDEX by_plate ON plate_read (agency_id, plate, captured_at, id)")
    insert = f"INSERT INTO plate_read VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - question marks
    started = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        bare.execute("BEGIN")
        bare.executemany(insert, rows[first : first + BATCH])
        bare.execute("COMMIT")
    seconds = time.perf_counter() - started
    bare.close()
    return len(rows) / seconds


def _plate(dice: random.Random) -> str:
    letters = "".join(dice.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(3))
    return f"{dice.randrange(1, 10)}{letters}{dice.randrange(1000):03}"


def _report(passed: Passed, bare: float, entries: int) -> str:
    rate = passed.reads / passed.seconds
    rows = [
        ("accepted (HTTP and bus)", f"{passed.reads / passed.acknowledged_seconds:10,.0f} reads/s"),
        ("matched and stored", f"{rate:10,.0f} reads/s"),
        ("bare SQLite, the same rows", f"{bare:10,.0f} rows/s"),
        ("ratio", f"{rate / bare:10.3f}"),
    ]
    of = f"{passed.reads:,} reads in batches of {BATCH} against {entries:,} listed plates"
    came = f"{passed.matched} reads of listed plates, {passed.refusals} calls told to come again"
    return "\n".join([f"{of}: {came}", *(f"  {name:<28}{value}" for name, value in rows)])


if __name__ == "__main__":
    sys.exit(main())
