"""Checks a bundle for an outside auditor: a ZIP of records, the leaves that hold them, and what proves these.

Its files: `manifest.json`, `leaves.ndjson`, `checkpoints/*.txt`, `records.json` (an array, a record a line, by
position), `records.csv`, and `SHA256SUMS` of all others. Read as they are needed; none is unpacked.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from platekeeper_verify.audit import MOST_NAMED, Demand, Part, Report, check_export
from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.notes import Key

FORMAT = "platekeeper-audit-bundle-1"
MANIFEST, LEAVES, RECORDS, TABLE, SUMS = (
    "manifest.json",
    "leaves.ndjson",
    "records.json",
    "records.csv",
    "SHA256SUMS",
)
CHECKPOINTS = "checkpoints/"
COLUMNS = (
    "at",
    "id",
    "producer",
    "number",
    "kind",
    "action",
    "outcome",
    "code",
    "clause",
    "count",
    "subject",
    "username",
    "name",
    "organisation",
    "title",
    "session",
    "device",
    "address",
    "terminal",
    "actor",
    "post",
    "authority",
    "policy_version",
    "purpose",
    "matter_type",
    "matter_number",
    "requested_by",
    "number_pending",
    "matter_session",
    "unit",
    "shift",
    "context",
    "result_count",
    "result_ids",
    "object_type",
    "object_id",
)
"""Of the table, but for the last ones, `OPENED`."""
OPENED = ("query", "exported")
"""What was asked for as the platform opened it, and to whom it was given."""
UNPROVED = frozenset({"query", "appended_at", "leaf", "exported"})
"""What a record says besides its leaf: the query elements as the platform opened them, when it was appended, to whom it
was given."""
MOST_MANIFEST = 1_000_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the manifest says."""

    start: datetime
    end: datetime
    part: Part
    key: str


def cell(value: object) -> str:
    """A value as the table writes it. A text that a spreadsheet would take for a formula is led by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    text = json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


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
    findings = [*_sums(archive), *report.findings, *_few(_records(archive, bundle)), *_few(_table(archive))]
    return Report(findings, report.records, report.withheld, report.checkpoints, report.proved, report.witnessed)


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
        return Bundle(_moment(told["from"]), _moment(told["to"]), part, str(told["verifier_key"]))
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


def _sums(archive: zipfile.ZipFile) -> Iterator[Finding]:
    """Files that are not those whose sums are told: the bundle was altered, or did not arrive whole."""
    told = dict(line.rstrip("\n").split("  ", 1)[::-1] for line in _lines(archive, SUMS))
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


def _documents(archive: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    """The records, a line each between the brackets of the array."""
    for line in _lines(archive, RECORDS):
        text = line.strip().removesuffix(",")
        if text not in ("[", "]", ""):
            document = json.loads(text)
            if not isinstance(document, dict):
                raise ValueError("a record is no JSON object")
            yield document


def _records(archive: zipfile.ZipFile, bundle: Bundle) -> Iterator[Finding]:
    """Records that are not what their leaves say, that have none, or that the period has and the bundle lacks."""
    documents = _documents(archive)
    document = next(documents, None)
    for line in _lines(archive, LEAVES):
        try:
            leaf = json.loads(line)
        except ValueError:
            continue  # told by the check of the leaves
        if not isinstance(leaf, dict) or type(leaf.get("index")) is not int:
            continue
        while document is not None and _position(document) < leaf["index"]:
            yield Finding(Kind.INSERTED, f"record at {_position(document)}: no leaf of the export is its own")
            document = next(documents, None)
        if document is not None and _position(document) == leaf["index"]:
            yield from _unlike(document, leaf)
            document = next(documents, None)
        elif leaf.get("canonical") is not None:
            at = datetime.fromisoformat(json.loads(leaf["canonical"])["at"])
            if bundle.start <= at < bundle.end:
                yield Finding(Kind.DROPPED, f"record {leaf['index']} lies in the period and is not among the records")
    while document is not None:
        yield Finding(Kind.INSERTED, f"record at {_position(document)}: no leaf of the export is its own")
        document = next(documents, None)


def _position(document: Mapping[str, Any]) -> int:
    leaf = document.get("leaf")
    position = leaf.get("position") if isinstance(leaf, dict) else None
    return position if type(position) is int else -1


def _unlike(document: Mapping[str, Any], leaf: Mapping[str, Any]) -> Iterator[Finding]:
    place = f"record {leaf['index']}"
    if leaf.get("canonical") is None or document["leaf"].get("canonical") != leaf["canonical"]:
        yield Finding(Kind.CHANGED, f"{place}: its leaf is not the one of the export")
        return
    content = json.loads(leaf["canonical"])
    wrong = [name for name in document if name not in UNPROVED and document[name] != content.get(name)]
    if wrong:
        yield Finding(Kind.CHANGED, f"{place}: {', '.join(wrong)} is not what its leaf says")


def _table(archive: zipfile.ZipFile) -> Iterator[Finding]:
    """Rows of the table that do not say what the records do."""
    rows = csv.reader(_lines(archive, TABLE))
    columns = [*COLUMNS, *OPENED]
    if next(rows, None) != columns:
        yield Finding(Kind.MALFORMED, f"{TABLE}: the first row does not name the columns")
        return
    count = 0
    for document in _documents(archive):
        row = next(rows, None)
        if row != [cell(document.get(name)) for name in columns]:
            yield Finding(Kind.CHANGED, f"{TABLE}: row {count + 1} does not say what its record does")
        count += 1
    if next(rows, None) is not None:
        yield Finding(Kind.INSERTED, f"{TABLE}: more rows than the {count} records")


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
