"""`platekeeper audit bundle`: logs in as an auditor, gathers, and writes the ZIP."""

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from platekeeper import client, terminal
from platekeeper.bundle import report
from platekeeper.bundle.gather import Gathered, Period, gather
from platekeeper.client import TROUBLE, Session
from platekeeper_verify import bundles, records

EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which period, as whom, and where it is written."""

    url: str
    ca: Path | None
    username: str
    start: str
    end: str
    out: Path


async def run(asked: Asked) -> int:
    """Make the bundle; the exit status."""
    try:
        period = Period(_moment(asked.start), _moment(asked.end))
        if period.start >= period.end:
            raise ValueError("--from must be before --to")  # noqa: TRY301 - told as the others are
        async with client.connect(asked.url, asked.ca) as http:
            session = await terminal.log_in(http, asked.username)
            found = await make(session, period, asked.out, moment=datetime.now(UTC))
    except (*TROUBLE, ValueError) as error:
        terminal.complain(error)
        return 1
    terminal.say(f"{asked.out}: {len(found.records.places)} records under a tree of {found.beside['size']}")
    terminal.say(f"verifier key, to be compared: {found.latest['verifier_key']}")
    if found.unsigned:
        terminal.say(f"{found.unsigned} records are not signed yet and not in it; make it again in a minute")
    return 0


async def make(session: Session, period: Period, out: Path, *, moment: datetime) -> Gathered:
    """Gather and write; what was gathered. Nothing is left at `out` when it fails. Raises ApiError, OSError."""
    with (
        tempfile.TemporaryDirectory(prefix="platekeeper-bundle-") as folder,
        tempfile.TemporaryFile(dir=folder) as file,
    ):
        found = await gather(session, period, Path(folder), file)
        part = out.with_name(f".{out.name}.part")
        try:
            _write(part, out.name, found, moment)
            part.rename(out)
        finally:
            part.unlink(missing_ok=True)
    return found


def _write(file: Path, name: str, found: Gathered, moment: datetime) -> None:
    organisation = next((record["organisation"] for record in found.records if record["organisation"]), "Platekeeper")
    tally = report.tallied(found.records)
    with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED) as archive:
        sums = _Sums(archive)
        sums.put(bundles.README, report.readme(found, name).encode())
        made = report.paper(found, tally, name=name, organisation=organisation, moment=moment)
        sums.put(bundles.REPORT, made)
        with sums.open(bundles.RECORDS) as out:
            out.writelines(_array(found))
        with sums.open(bundles.TABLE) as out:
            out.writelines(_table(found))
        with sums.open(bundles.LEAVES) as out, found.leaves.open("rb") as leaves:
            while piece := leaves.read(1 << 20):
                out.write(piece)
        for one in [*found.checkpoints, found.latest]:
            signed = datetime.fromisoformat(one["signed_at"]).astimezone(UTC)
            path = f"{bundles.CHECKPOINTS}{signed:%Y-%m-%d/%H-%M-%S}-{one['size']:016}.txt"
            if path not in sums.told:
                sums.put(path, one["cosigned"].encode())
        sums.put(bundles.MANIFEST, _manifest(found, moment))
        archive.writestr(_entry(bundles.SUMS), "".join(f"{told}  {path}\n" for path, told in sums.told.items()))


def _array(found: Gathered) -> Iterator[bytes]:
    yield b"["
    before = "\n"
    for record in found.records:
        yield f"{before}{json.dumps(record, ensure_ascii=False, separators=(',', ':'))}".encode()
        before = ",\n"
    yield b"\n]\n"


def _table(found: Gathered) -> Iterator[bytes]:
    columns = [*records.COLUMNS, *records.OPENED]
    yield _row(columns)
    for record in found.records:
        yield _row([records.cell(record[name]) for name in columns])


def _row(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()


def _manifest(found: Gathered, moment: datetime) -> bytes:
    told = {
        "format": bundles.FORMAT,
        "made_at": moment.isoformat(),
        "exported": found.records.mark,
        "from": found.period.start.isoformat(),
        "to": found.period.end.isoformat(),
        "records": len(found.records.places),
        "not_signed_yet": found.unsigned,
        "origin": found.latest["origin"],
        "verifier_key": found.latest["verifier_key"],
        **found.beside,
        "statement": found.whole["statement"],
        "vouched": found.whole["vouched"],
    }
    return json.dumps(told, indent=1).encode()


class _Sums:
    """Writes the files of an archive and remembers the SHA-256 of each."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.told: dict[str, str] = {}

    def put(self, path: str, data: bytes) -> None:
        """A file at once."""
        with self.open(path) as out:
            out.write(data)

    def open(self, path: str) -> "_Summed":
        """A file piece by piece."""
        return _Summed(self, path, self._archive.open(_entry(path), "w", force_zip64=True))


class _Summed(io.RawIOBase):
    def __init__(self, sums: _Sums, path: str, out: IO[bytes]) -> None:
        self._sums = sums
        self._path = path
        self._out = out
        self._summed = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._summed.update(data)
        return self._out.write(data)

    def close(self) -> None:
        if not self.closed:
            self._out.close()
            self._sums.told[self._path] = self._summed.hexdigest()
        super().close()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _moment(text: str) -> datetime:
    """A date (its first moment in UTC) or an aware moment of ISO 8601. Raises ValueError for another text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if len(text) > len("2026-11-22"):
            raise ValueError(f"{text} needs its time zone, as in 2026-11-22T18:00:00Z")
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
