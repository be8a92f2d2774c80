"""The records of a bundle beside the leaves that prove them, and the table beside the records.

`records.json` is an array, a record a line, by position; `records.csv` has a row for each of them in this order.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from platekeeper_verify.findings import Finding, Kind

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
UNSHOWN = frozenset({"type", "agency_id", "query"})
"""What a leaf says and no record repeats; of the query elements it says the ciphertext."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


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


def documents(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The records, a line each between the brackets of the array. Raises ValueError for what is none."""
    for line in lines:
        text = line.strip().removesuffix(",")
        if text not in ("[", "]", ""):
            document = json.loads(text, object_pairs_hook=_each_once)
            if not isinstance(document, dict):
                raise ValueError("a record is no JSON object")
            yield document


def standing(lines: Iterable[str]) -> tuple[int, str]:
    """How many records there are, and the SHA-256 of where they stand as `periods.Period` tells it."""
    count, listed = 0, hashlib.sha256()
    for document in documents(lines):
        count += 1
        listed.update(f"{_position(document)}\n".encode())
    return count, listed.hexdigest()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; which of two values under one name is read depends on the reader, so there must be one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a record says something twice under one name")
    return found


def unlike_leaves(records: Iterable[str], leaves: Iterable[str], start: datetime, end: datetime) -> Iterator[Finding]:
    """Records that are not what their leaves say, that have none, or that the period has and the bundle lacks."""
    found = documents(records)
    document = next(found, None)
    for line in leaves:
        try:
            leaf = json.loads(line)
        except ValueError:
            continue  # told by the check of the leaves
        if not isinstance(leaf, dict) or type(leaf.get("index")) is not int:
            continue
        while document is not None and _position(document) < leaf["index"]:
            yield Finding(Kind.INSERTED, f"record at {_position(document)}: no leaf of the export is its own")
            document = next(found, None)
        if document is not None and _position(document) == leaf["index"]:
            yield from _unlike(document, leaf)
            document = next(found, None)
        elif leaf.get("canonical") is not None:
            at = datetime.fromisoformat(json.loads(leaf["canonical"])["at"])
            if start <= at < end:
                yield Finding(Kind.DROPPED, f"record {leaf['index']} lies in the period and is not among the records")
    while document is not None:
        yield Finding(Kind.INSERTED, f"record at {_position(document)}: no leaf of the export is its own")
        document = next(found, None)


def _position(document: Mapping[str, Any]) -> int:
    leaf = document.get("leaf")
    position = leaf.get("position") if isinstance(leaf, dict) else None
    return position if type(position) is int else -1


def _unlike(document: Mapping[str, Any], leaf: Mapping[str, Any]) -> Iterator[Finding]:
    place = f"record {leaf['index']}"
    told = {"position": leaf["index"], "hash": leaf.get("leaf_hash")}
    told |= {name: leaf.get(name) for name in ("salt", "canonical")}
    if leaf.get("canonical") is None or not _same(document["leaf"], told):
        yield Finding(Kind.CHANGED, f"{place}: its leaf is not the one of the export")
        return
    content = json.loads(leaf["canonical"])
    names = (document.keys() | set(COLUMNS) | content.keys() - UNSHOWN) - UNPROVED
    wrong = [name for name in names if not _same(document.get(name), content.get(name))]
    wrong += [name for name in UNPROVED if name not in document]
    if "query" in document and (document["query"] is None) != (content.get("query") is None):
        wrong.append("query")
    if wrong:
        yield Finding(Kind.CHANGED, f"{place}: {', '.join(sorted(wrong))} is not what its leaf says")


def _same(one: object, other: object) -> bool:
    """Whether they are one JSON value: to Python 1, 1.0 and true are equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def unlike_records(table: Iterable[str], records: Iterable[str]) -> Iterator[Finding]:
    """Rows of the table that do not say what the records do."""
    rows = csv.reader(table)
    columns = [*COLUMNS, *OPENED]
    if next(rows, None) != columns:
        yield Finding(Kind.MALFORMED, "the table: the first row does not name the columns")
        return
    count = 0
    for document in documents(records):
        row = next(rows, None)
        if row != [cell(document.get(name)) for name in columns]:
            yield Finding(Kind.CHANGED, f"the table: row {count + 1} does not say what its record does")
        count += 1
    if next(rows, None) is not None:
        yield Finding(Kind.INSERTED, f"the table: more rows than the {count} records")
