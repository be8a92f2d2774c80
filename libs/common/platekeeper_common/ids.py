"""Identifiers. Derived ids make every retry end in one frame, one read, one hit; random ids name new things.

An id is never made from a plate alone: an unkeyed digest of a plate is reversed in minutes by trying them all.
"""

import hmac
import secrets
import time
from datetime import UTC, datetime
from typing import NewType
from uuid import UUID

AgencyId = NewType("AgencyId", str)
"""A short lower-case name that an agency keeps for ever: it stands in keys, folders and partitions."""
DeviceId = NewType("DeviceId", str)
CameraId = NewType("CameraId", str)
FrameId = NewType("FrameId", str)
ReadId = NewType("ReadId", str)
HitId = NewType("HitId", str)
EntryId = NewType("EntryId", str)
ListId = NewType("ListId", str)
AccountId = NewType("AccountId", str)

PLATFORM = AgencyId("platform")
"""The agency of acts that belong to no agency: opening one, an unauthenticated refusal."""


class Ids:
    """Derives ids under the deployment's id key (32 bytes, from the key store)."""

    def __init__(self, key: bytes) -> None:
        """Take the id key; refuse one too short to resist guessing."""
        if len(key) < 32:
            raise ValueError("the id key must hold at least 32 bytes")
        self._key = key

    def derive(self, kind: str, *parts: str | int | datetime | bytes) -> str:
        """The UUIDv8 (RFC 9562) of an HMAC-SHA-256 over `kind` and `parts`, each with its length before it.

        The same parts give the same id for ever; parts that merely concatenate alike do not. Datetimes must be
        aware and count to the microsecond. Raises ValueError for a naive datetime.
        """
        digest = hmac.new(self._key, digestmod="sha256")
        for part in (kind, *parts):
            data = _bytes(part)
            digest.update(len(data).to_bytes(4, "big") + data)
        return str(_uuid(8, int.from_bytes(digest.digest()[:16], "big")))


def new() -> str:
    """A fresh UUIDv7 (RFC 9562): sorts by the millisecond in which it was made."""
    return str(_uuid(7, (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)))


def _bytes(part: str | int | datetime | bytes) -> bytes:
    if isinstance(part, datetime):
        if part.tzinfo is None:
            raise ValueError("a moment in an id must know its time zone")
        return b"t" + part.astimezone(UTC).isoformat(timespec="microseconds").encode()
    if isinstance(part, bytes):
        return b"b" + part
    return f"{'s' if isinstance(part, str) else 'i'}{part}".encode()


def _uuid(version: int, value: int) -> UUID:
    value = value & ~(0xF << 76) | version << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
