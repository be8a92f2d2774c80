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
PLATFORM_NAME = "Platekeeper"
"""The organisation of its people, and what passkeys and codes are shown as."""
_VARIANT = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}
"""A digit with the two bits before it that an RFC 9562 UUID has there."""


class Ids:
    """Derives ids under the deployment's id key (32 bytes, from the key store)."""

    def __init__(self, key: bytes) -> None:
        """Take the id key; refuse one too short to resist guessing."""
        if len(key) < 32:
            raise ValueError("the id key must hold at least 32 bytes")
        # With the key taken in, to be copied: an id for each read makes it worth the while.
        self._keyed = hmac.new(key, digestmod="sha256")

    def derive(self, kind: str, *parts: str | int | datetime | bytes) -> str:
        """The UUIDv8 (RFC 9562) of an HMAC-SHA-256 over `kind` and `parts`, each with its length before it.

        The same parts give the same id for ever; parts that merely concatenate alike do not. Datetimes must be
        aware and count to the microsecond. Raises ValueError for a naive datetime.
        """
        said = [_bytes(part) for part in (kind, *parts)]
        digest = self._keyed.copy()
        digest.update(b"".join([len(data).to_bytes(4, "big") + data for data in said]))
        written = digest.hexdigest()
        groups = (written[:8], written[8:12], f"8{written[13:16]}", _VARIANT[written[16]] + written[17:20])
        return f"{'-'.join(groups)}-{written[20:32]}"


def new() -> str:
    """A fresh UUIDv7 (RFC 9562): sorts by the millisecond in which it was made."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    return str(UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def _bytes(part: str | int | datetime | bytes) -> bytes:
    if isinstance(part, str):
        return b"s" + part.encode()
    if isinstance(part, datetime):
        if part.tzinfo is None:
            raise ValueError("a moment in an id must know its time zone")
        at = part if part.tzinfo is UTC else part.astimezone(UTC)
        return b"t" + at.isoformat(timespec="microseconds").encode()
    return b"b" + part if isinstance(part, bytes) else b"i%d" % part
