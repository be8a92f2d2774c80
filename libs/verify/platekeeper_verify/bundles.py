"""Checks a bundle for an outside auditor: a ZIP of records, the leaves that hold them, and what proves these.

Its files: `manifest.json`, `leaves.ndjson`, `checkpoints/*.txt`, `records.json` (an array, a record a line, by
position), `records.csv`, `report.pdf`, `README.txt`, and `SHA256SUMS` of all others. Read as they are needed; none is
unpacked.
"""

import hashlib
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from platekeeper_verify import records
from platekeeper_verify.audit import MOST_NAMED, Demand, Part, Report, check_chain, check_export
from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.notes import Key
from platekeeper_verify.periods import Period, open_period

FORMAT = "platekeeper-audit-bundle-2"
MANIFEST, LEAVES, RECORDS, TABLE, SUMS, REPORT, README = (
    "manifest.json",
    "leaves.ndjson",
    "records.json",
    "records.csv",
    "SHA256SUMS",
    "report.pdf",
    "README.txt",
)
CHECKPOINTS = "checkpoints/"
NAMES = frozenset({MANIFEST, LEAVES, RECORDS, TABLE, SUMS, REPORT, README})
"""Besides checkpoints; each is there once, and nothing else."""
_CHECKPOINT = re.compile(CHECKPOINTS + r"[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9]{16,}\.txt")
MOST_MANIFEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the manifest says."""

    start: datetime
    end: datetime
    part: Part
    key: str
    statement: str
    vouched: str


def check_bundle(file: Path, key: str | None = None, demand: Demand | None = None) -> Report:
    """Check the bundle by `key` (None: the bundle's own, which proves only that the bundle is one piece).

    Raises OSError for what cannot be read, ValueError for what is no bundle or no verifier key.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _check(archive, key, demand)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise ValueError(f"{file} is not a whole bundle: {error}") from error


def _check(archive: zipfile.ZipFile, key: str | None, demand: Demand | None) -> Report:
    bundle = read_manifest(archive)
    known = Key.parse(key or bundle.key)
    names = [name for name in archive.namelist() if name.startswith(CHECKPOINTS) and name.endswith(".txt")]
    notes = [(name.removeprefix(CHECKPOINTS), archive.read(name)) for name in names]
    report = check_export(_lines(archive, LEAVES), notes, known, demand=demand, part=bundle.part)
    unlike = records.unlike_leaves(_lines(archive, RECORDS), _lines(archive, LEAVES), bundle.start, bundle.end)
    table = records.unlike_records(_lines(archive, TABLE), _lines(archive, RECORDS))
    findings = [*_files(archive), *_sums(archive), *report.findings, *_few(unlike), *_few(table)]
    try:
        period = open_period(bundle.statement, bundle.vouched, known)
    except ValueError as error:
        unsaid = Finding(Kind.SIGNATURE, f"that these are all records of the period is not proved: {error}")
        return replace(report, findings=[*findings, unsaid])
    incomplete = list(_incomplete(archive, bundle, period, notes, known))
    said = None if findings or incomplete else str(period)
    return replace(report, findings=[*findings, *incomplete], complete=said)


def _incomplete(
    archive: zipfile.ZipFile, bundle: Bundle, period: Period, notes: Sequence[tuple[str, bytes]], key: Key
) -> Iterator[Finding]:
    """Why the records are not all that the agency has of the period, as the ledger said."""
    chain, _ = check_chain(notes, key)
    last = max((one.checkpoint for one in chain), key=lambda one: one.size, default=None)
    if (period.start, period.end) != (bundle.start, bundle.end):
        yield Finding(Kind.CHANGED, f"{MANIFEST}: the period is not the one of which the ledger spoke, {period}")
    if last is None or (period.size, period.root) != (last.size, last.root):
        yield Finding(Kind.CHANGED, f"{MANIFEST}: the ledger spoke of another tree than that of the last checkpoint")
    count, listed = records.standing(_lines(archive, RECORDS))
    if (count, listed) != (period.records, period.positions):
        kind = Kind.DROPPED if count < period.records else Kind.INSERTED if count > period.records else Kind.CHANGED
        yield Finding(kind, f"{RECORDS}: the ledger has {period}; here are {count}, or others")


def read_manifest(archive: zipfile.ZipFile) -> Bundle:
    """What the manifest says. Raises ValueError for one that is none."""
    if archive.getinfo(MANIFEST).file_size > MOST_MANIFEST:
        raise ValueError("the manifest is too long")
    told = json.loads(archive.read(MANIFEST))
    try:
        if told["format"] != FORMAT:
            raise ValueError(f"not a bundle of the form {FORMAT}")
        sides = [[(int(one["level"]), bytes.fromhex(one["hash"])) for one in told[side]] for side in ("left", "right")]
        part = Part(int(told["start"]), *sides)
        texts = [str(told[name]) for name in ("verifier_key", "statement", "vouched")]
        return Bundle(_moment(told["from"]), _moment(told["to"]), part, *texts)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the manifest lacks {error}") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment of the manifest must know its time zone")
    return moment


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    with archive.open(name) as file:
        yield from io.TextIOWrapper(file, encoding="utf-8", newline="\n")


def _files(archive: zipfile.ZipFile) -> Iterator[Finding]:
    """Files of which another program may unpack something else than is checked here."""
    there = Counter(archive.namelist())
    yield from (
        Finding(Kind.MALFORMED, f"{name}: is there {times} times") for name, times in there.items() if times > 1
    )
    for name in sorted(there):
        if name not in NAMES and not _CHECKPOINT.fullmatch(name):
            yield Finding(Kind.MALFORMED, f"{name}: is no part of a bundle")
    for name in sorted(NAMES - there.keys()):
        yield Finding(Kind.MALFORMED, f"{name}: is missing")
    if min(entry.header_offset for entry in archive.infolist()):
        yield Finding(Kind.MALFORMED, "something stands before the bundle's first file")


def _sums(archive: zipfile.ZipFile) -> Iterator[Finding]:
    """Files that are not those whose sums are told: the bundle was altered, or did not arrive whole."""
    lines = [line.rstrip("\n").partition("  ") for line in _lines(archive, SUMS)]
    told = {name: summed for summed, _, name in lines}
    if len(told) < len(lines):
        yield Finding(Kind.MALFORMED, f"{SUMS}: tells of a file twice")
    for name in sorted(set(archive.namelist()) - {SUMS} | told.keys()):
        if name not in told or name not in archive.namelist():
            yield Finding(Kind.MALFORMED, f"{name}: {'is not among the sums' if name not in told else 'is missing'}")
            continue
        summed = hashlib.sha256()
        with archive.open(name) as file:
            while piece := file.read(1 << 20):
                summed.update(piece)
        if summed.hexdigest() != told[name]:
            yield Finding(Kind.CHANGED, f"{name}: its SHA-256 is not the one told")


def _few(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The first of many findings, and how many more there are."""
    more = 0
    for count, finding in enumerate(findings):
        if count < MOST_NAMED:
            yield finding
        else:
            more += 1
    if more:
        yield Finding(Kind.CHANGED, f"{more} more such findings")
