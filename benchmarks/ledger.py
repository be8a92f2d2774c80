"""Access records a second into the ledger on PostgreSQL, proved; and how long it takes to verify very many of them.

`python benchmarks/ledger.py` starts a PostgreSQL of its own (durable), appends sealed records in batches as the worker
does, grows the tree and signs a checkpoint; then the very same rows go by COPY into a bare table in batches of the same
size. After that it writes an export of a million leaves with a checkpoint for each thousand, lets `platekeeper audit
verify` check it in a process of its own, and hashes the same leaves with bare SHA-256. The ratios move less than the
rates between machines.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from platekeeper import runtime
from platekeeper.registry import SECTIONS
from platekeeper.stack import postgresql
from platekeeper_access_audit.ledger import handlers, sequencer
from platekeeper_access_audit.ledger.checkpoints import Checkpoint, Signer
from platekeeper_access_audit.ledger.domain import canonical
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common import access, ids, log
from platekeeper_common.events.access import AccessRecorded, Sealed
from platekeeper_common.ids import AgencyId
from platekeeper_common.provision import every_role, provision
from platekeeper_common.settings import Settings
from platekeeper_verify.merkle import Edge, leaf_hash

POLICIES = Path(__file__).parent.parent / "policies"
AGENCY = AgencyId("pomona-pd")
BATCH = 500
CHECKPOINT_EACH = 1_000
START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PASSWORD = "of-a-benchmark"  # noqa: S105 - of a server that lives for a minute, on a loopback port


@dataclass(frozen=True, slots=True)
class Appended:
    """Records a second: into the ledger with tree and checkpoint, and into a bare table."""

    records: int
    seconds: float
    proving: float
    """Of them: growing the tree and signing."""
    bare: float


@dataclass(frozen=True, slots=True)
class Verified:
    """How long a verifier takes over so many records, and bare SHA-256 over their leaves."""

    records: int
    seconds: float
    bare: float
    megabytes: float
    """The memory of the verifier's largest process at its peak."""
    export: float
    """Megabytes of the export."""


def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(description="Access records appended, proved and verified")
    parser.add_argument("--records", type=_positive, default=20_000, help="how many are appended")
    parser.add_argument("--verify", type=_positive, default=1_000_000, help="how many are verified")
    parser.add_argument("--folder", type=Path, help="where all of it lies for the run (otherwise the system's own)")
    options = parser.parse_args()
    log.configure()
    with tempfile.TemporaryDirectory(prefix="platekeeper-bench-", dir=options.folder) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        print(_told(asyncio.run(_append(Path(folder), options.records))))
        print(_said(_verify(Path(folder), options.verify)))
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 10,000,000")
    return number


async def _append(folder: Path, count: int) -> Appended:
    server = postgresql.Server(folder / "postgresql")
    server.start()
    try:
        await provision(server.url(), [LEDGER], dict.fromkeys(every_role([LEDGER]), PASSWORD))
        database = server.url().replace(server.url().split("://")[1].split("@")[0], f"{{service}}:{PASSWORD}")
        settings = Settings(var=folder / "var", policies=POLICIES, database=database, metrics_port="off")
        async with runtime.stand([LEDGER], settings, SECTIONS) as standing:
            room = standing.rooms["ledger"]
            assert isinstance(room, LedgerRoom)  # noqa: S101 - the service says so
            records = [record async for record in _sealed(room, count)]
            return await _measured(room, server, records)
    finally:
        server.stop()


async def _sealed(room: LedgerRoom, count: int) -> Any:
    for number in range(1, count + 1):
        record = _record(number)
        query = {"plate": f"{number % 9 + 1}ABC{number % 1000:03}", "search_id": ids.new(), "limit": 50}
        sealed = await access.seal(room.foundation.keys, AGENCY, record.at, record.id, query)
        yield msgspec.structs.replace(record, query=sealed)


async def _measured(room: LedgerRoom, server: postgresql.Server, records: Sequence[AccessRecorded]) -> Appended:
    started = time.perf_counter()
    for first in range(0, len(records), BATCH):
        async with room.db.tx() as tx:
            await handlers.append(tx, records[first : first + BATCH], now=room.clock())
    appended = time.perf_counter()
    signed = await sequencer.sign(room)
    proved = time.perf_counter()
    if signed.size < len(records):
        raise RuntimeError(f"{len(records)} records were appended and {signed.size} signed")
    bare = await _copied(server)
    return Appended(len(records), proved - started, proved - appended, bare)


async def _copied(server: postgresql.Server) -> float:
    """Rows a second by COPY into a bare table, each batch committed."""
    session = await asyncpg.connect(server.url().replace("+asyncpg", "", 1))
    try:
        await session.execute("SET search_path TO ledger")
        rows = [tuple(row) for row in await session.fetch("SELECT * FROM access_record ORDER BY position")]
        await session.execute("CREATE TABLE bare (LIKE access_record)")
        started = time.perf_counter()
        for first in range(0, len(rows), BATCH):
            await session.copy_records_to_table("bare", records=rows[first : first + BATCH], schema_name="ledger")
        return len(rows) / (time.perf_counter() - started)
    finally:
        await session.close()


def _record(number: int) -> AccessRecorded:
    """A search as retention records it; a few a second."""
    return AccessRecorded(
        agency_id=AGENCY,
        id=ids.new(),
        producer="retention",
        number=number,
        at=START + timedelta(milliseconds=200 * number),
        kind="plate_data",
        action="reads.search",
        outcome="allowed",
        subject=f"account-{number % 90}",
        username=f"officer{number % 90}",
        name="Invented Officer",
        organisation="Invented Police Department",
        title="Police Officer II",
        session="019c0000-0000-7000-8000-0000000000aa",
        address="203.0.113.7",
        policy_version="pomona-0123456789ab",
        salt=base64.b64encode(secrets.token_bytes(16)).decode(),
        purpose="stolen_vehicle",
        matter_type="criminal",
        matter_number="26-0117",
        query=Sealed(f"{AGENCY}/access/2026-11", "AAAAAAAAAAAAAAAA", base64.b64encode(bytes(96)).decode()),
        result_count=1,
        result_ids=("5d2f7a52-0000-8000-8000-000000000001",),
    )


def _verify(folder: Path, count: int) -> Verified:
    leaves, checkpoints = folder / "leaves.ndjson", folder / "checkpoints"
    checkpoints.mkdir()
    signer = Signer("bench.example/ledger", secrets.token_bytes(32))
    _export(leaves, checkpoints, signer, count)
    command = [str(Path(sys.executable).with_name("platekeeper")), "audit", "verify"]
    command += ["--leaves", str(leaves), "--checkpoints", str(checkpoints), "--key", signer.key]
    started = time.perf_counter()
    verifier = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - words of our own
    with verifier:
        assert verifier.stdout is not None  # noqa: S101 - it is a pipe
        found = verifier.stdout.read()
        _, status, used = os.wait4(verifier.pid, 0)
        verifier.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if verifier.returncode or f"{count} records stand" not in found:
        raise RuntimeError(f"the verifier found {found}")
    peak = used.ru_maxrss / 1024
    export = leaves.stat().st_size / 1e6
    return Verified(count, seconds, _hashed(leaves), peak, export)


def _export(leaves: Path, checkpoints: Path, signer: Signer, count: int) -> None:
    edge = Edge()
    with leaves.open("w", encoding="utf-8") as out:
        for index in range(count):
            record = _record(index + 1)
            content = canonical(record)
            hashed = leaf_hash(base64.b64decode(record.salt) + content)
            edge = edge.grown((hashed,))
            line = {"index": index, "leaf_hash": hashed.hex(), "salt": record.salt, "canonical": content.decode()}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
            if edge.size % CHECKPOINT_EACH == 0 or edge.size == count:
                note = signer.sign(Checkpoint(signer.origin, edge.size, edge.root))
                (checkpoints / f"{edge.size:016}.txt").write_text(note, encoding="utf-8")


def _hashed(leaves: Path) -> float:
    """Seconds of SHA-256 over the data of every leaf and of every node above."""
    seconds = 0.0
    count = 0
    for batch in _contents(leaves):
        started = time.perf_counter()
        for data in batch:
            hashlib.sha256(data).digest()
        seconds += time.perf_counter() - started
        count += len(batch)
    node = bytes(65)
    started = time.perf_counter()
    for _ in range(count - 1):
        hashlib.sha256(node).digest()
    return seconds + time.perf_counter() - started


def _contents(leaves: Path) -> Iterator[list[bytes]]:
    batch = []
    with leaves.open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            batch.append(b"\x00" + base64.b64decode(document["salt"]) + document["canonical"].encode())
            if len(batch) == BATCH:
                yield batch
                batch = []
    yield batch


def _told(found: Appended) -> str:
    rate = found.records / found.seconds
    rows = [
        ("appended and proved", f"{rate:10,.0f} records/s"),
        ("of which tree and signature", f"{found.proving:10.2f} s of {found.seconds:.2f} s"),
        ("bare COPY of the same rows", f"{found.bare:10,.0f} rows/s"),
        ("ratio", f"{rate / found.bare:10.3f}"),
    ]
    of = f"{found.records:,} access records in batches of {BATCH} on PostgreSQL"
    return "\n".join([of, *(f"  {name:<28}{value}" for name, value in rows)])


def _said(found: Verified) -> str:
    rows = [
        ("verified", f"{found.seconds:10.1f} s, {found.records / found.seconds:,.0f} records/s"),
        ("bare SHA-256 of the same", f"{found.bare:10.1f} s"),
        ("ratio", f"{found.seconds / found.bare:10.1f}"),
        ("memory of a process", f"{found.megabytes:10.0f} MB"),
    ]
    of = f"{found.records:,} records, an export of {found.export:,.0f} MB, a checkpoint for each {CHECKPOINT_EACH:,}"
    return "\n".join([of, *(f"  {name:<28}{value}" for name, value in rows)])


if __name__ == "__main__":
    sys.exit(main())
