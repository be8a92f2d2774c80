"""What an access record must hold, its canonical bytes, and its leaf in the Merkle tree.

The bytes are final: an entry's leaf is the same for ever, so a later version may add a field to the event only with
None as its default. A field that is None is left out of the bytes.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from platekeeper_common import texts
from platekeeper_common.access import SALT_BYTES
from platekeeper_common.actions import Action
from platekeeper_common.events.access import AccessRecorded, Sealed
from platekeeper_common.ids import AgencyId
from platekeeper_common.moments import in_utc

SEARCHES = (Action.SEARCH.value, Action.CANVASS_SEARCH.value)
"""Acts that find reads, in a canvass too (A6): what is said of searches is said of both."""
LEAF = b"\x00"
"""What sets the hash of a leaf apart from that of a node (RFC 9162 2.1.1)."""
MOST = 2**53 - 1
"""The largest whole number that RFC 8785 can write."""
_SAID = tuple(sorted(set(AccessRecorded.__struct_fields__) - {"at", "query", "salt"}))
_COUNTS = ("number", "count", "result_count")
# A record holds texts, whole numbers, truth values, lists of texts and an object with names in ASCII. Of these this is
# RFC 8785 to the byte; the library that also knows fractions takes some twenty times as long.
_written = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Entry:
    """An access record in the ledger: at its position (from 0, gapless), with its part of the leaf."""

    position: int
    appended_at: datetime
    record: AccessRecorded
    canonical: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Producer:
    """What the ledger has of one producer: its highest number, and how many records and refusals.

    `missing` counts the numbers up to the highest that have not arrived: still on the bus, among the dead letters, or
    lost.
    """

    name: str
    highest: int = 0
    records: int = 0
    refusals: int = 0

    @property
    def missing(self) -> int:
        """Numbers are gapless from 1 where they are given out."""
        return self.highest - self.records

    def with_record(self, record: AccessRecorded) -> "Producer":
        """The same after one more record."""
        return replace(
            self,
            highest=max(self.highest, record.number),
            records=self.records + 1,
            refusals=self.refusals + (record.outcome == "refused"),
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a producer that the ledger lacks, both ends included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records of one agency: `start` <= at < `end`, and each of the others when it is given."""

    agency_id: AgencyId
    start: datetime | None = None
    end: datetime | None = None
    username: str | None = None
    action: str | None = None
    outcome: str | None = None
    subject: str | None = None

    def described(self) -> str:
        """The selection in one line, as the object of the record of looking at it."""
        bounds = {"from": self.start, "to": self.end}
        parts = [f"{name}={moment.astimezone(UTC).isoformat()}" for name, moment in bounds.items() if moment]
        given = {name: getattr(self, name) for name in ("username", "action", "outcome", "subject")}
        return "&".join(parts + [f"{name}={value}" for name, value in given.items() if value]) or "all"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two records, newest first: behind the record at `position`, which happened at `at`."""

    at: datetime
    position: int

    def __str__(self) -> str:
        """The form that `parse` reads; callers must not read anything into it."""
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.position}".encode()).decode()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises ValueError for what was never given out."""
        at, _, position = base64.urlsafe_b64decode(text).decode().partition(" ")
        cursor = cls(_aware(at), int(position))
        if not 0 <= cursor.position <= MOST:
            raise ValueError("no page ended here")
        return cursor


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment must know its time zone")
    return in_utc(moment)


def timestamp(moment: datetime) -> str:
    """UTC to hundredths of a second, `2026-11-22T18:00:00.12Z` (CJIS 5.9.5, AU-8).

    Raises ValueError for a naive moment and for one that hundredths cannot say.
    """
    if moment.tzinfo is None or moment.microsecond % 10_000:
        raise ValueError("an access record's moment is aware and in whole hundredths of a second")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")[:-1] + "Z"


def canonical(record: AccessRecorded) -> bytes:
    """The record as RFC 8785 JSON: its event type and every field that is not None, but for the salt.

    Raises ValueError for what RFC 8785 or the resolution of time cannot say.
    """
    content = {name: value for name in _SAID if (value := getattr(record, name)) is not None}
    if any(abs(content.get(name, 0)) > MOST for name in _COUNTS):
        raise ValueError(f"RFC 8785 writes no whole number beyond {MOST}")
    content |= {"type": record.type, "at": timestamp(record.at)}
    if record.query is not None:
        content["query"] = {name: getattr(record.query, name) for name in Sealed.__struct_fields__}
    return _written(content).encode()


def leaf_data(salt: str, canonical_bytes: bytes) -> bytes:
    """The 16 bytes of the salt (base64), then the canonical bytes."""
    return base64.b64decode(salt) + canonical_bytes


def leaf_hash(salt: str, canonical_bytes: bytes) -> bytes:
    """SHA-256(0x00 || leaf data), RFC 9162 2.1.1."""
    return hashlib.sha256(LEAF + leaf_data(salt, canonical_bytes)).digest()


def entry(record: AccessRecorded, content: bytes, *, position: int, at: datetime) -> Entry:
    """The record, whose canonical bytes are `content`, as the ledger keeps it, appended at `at`."""
    return Entry(position, at, record, content, leaf_hash(record.salt, content))


def whole(record: AccessRecorded) -> bytes:
    """The canonical bytes of a record that holds all that an access record must hold.

    Raises ValueError naming what this one does not hold; nothing of its content is told.
    """
    content, found = b"", []
    try:
        content = canonical(record)
    except ValueError:
        found.append("it cannot be written canonically")
    if b"\\u0000" in content and texts.unfit(msgspec.structs.asdict(record)):
        found.append("a text holds U+0000, which not every database keeps")
    if not 1 <= record.number <= MOST or record.count < 1:
        found.append("number and count start at 1")
    if not _is_salt(record.salt):
        found.append(f"the salt must be {SALT_BYTES} bytes in base64")
    if record.outcome == "refused" and not record.code:
        found.append("a refusal needs its code")
    month = f"{record.agency_id}/access/{record.at.astimezone(UTC):%Y-%m}"
    if record.query is not None and record.query.key_id != month:
        found.append("the query elements must be sealed under the key of agency and month")
    if found := found + _missing(record):
        raise ValueError("; ".join(found))
    return content


def _missing(record: AccessRecorded) -> list[str]:
    """The statutory fields of plate data (Civil Code 1798.90.52; G3), or the object of an administration act."""
    statutory = ("username", "organisation", "purpose", "query")
    needed: tuple[str, ...] = statutory if record.kind == "plate_data" else ("object_type", "object_id")
    return [f"{record.kind} needs {name}" for name in needed if not getattr(record, name)]


def _is_salt(text: str) -> bool:
    try:
        salt = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(salt) == SALT_BYTES and base64.b64encode(salt).decode() == text


def tally(producers: Iterable[Producer], records: Sequence[AccessRecorded]) -> list[Producer]:
    """The producers of `records` with these counted; `producers` are those known before."""
    known = {producer.name: producer for producer in producers}
    for record in records:
        known[record.producer] = known.get(record.producer, Producer(record.producer)).with_record(record)
    return [known[name] for name in sorted({record.producer for record in records})]
