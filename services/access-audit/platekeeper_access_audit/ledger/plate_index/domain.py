"""The keyed digest of a plate: an index and nothing else. No leaf, export or answer holds one.

HMAC-SHA-256 (RFC 2104) under a key of agency and month: with the month's key gone a digest says nothing, to anyone.
"""

import hashlib
import hmac
import itertools
import json
import string
from dataclasses import dataclass
from datetime import UTC, datetime

from platekeeper_common import patterns, plates
from platekeeper_common.errors import Invalid
from platekeeper_common.ids import AgencyId

OPEN_AT_MOST = 2
"""Characters of a pattern that may be open: whoever leaves more open is hardly after one vehicle."""
SIGNS = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Asked:
    """The plate that a record asked for; `further`: it is a later page of a search that another record began."""

    plate: str
    further: bool


def folder(agency_id: AgencyId) -> str:
    """Where the keys of the agency's months lie in the key store."""
    return f"{agency_id}/plate-index"


def month_of(at: datetime) -> str:
    """`2026-11`, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m}"


def key_name(agency_id: AgencyId, month: str) -> str:
    """The name of a month's key in the key store; it dies with the month's records."""
    return f"{folder(agency_id)}/{month}"


def digest(key: bytes, plate: str) -> str:
    """64 hexadecimal digits for the normalised plate."""
    return hmac.new(key, plate.encode(), hashlib.sha256).hexdigest()


def asked(elements: bytes) -> Asked | None:
    """The one plate among a record's query elements (JSON); None when it names none that could be a plate."""
    found = json.loads(elements)
    plate = found.get("plate") if isinstance(found, dict) else None
    if not isinstance(plate, str):
        return None
    try:
        return Asked(plates.normalise(plate), further="after" in found)
    except Invalid:
        return None


def asked_in_part(elements: bytes) -> list[str]:
    """The plates that a record's pattern means when it leaves hardly any open; none for a wider one, or no pattern."""
    found = json.loads(elements)
    text = found.get("pattern", found.get("plate")) if isinstance(found, dict) else None
    try:
        pattern = patterns.parse(text).text if isinstance(text, str) and patterns.is_pattern(text) else ""
    except Invalid:
        return []
    parts = pattern.split("*")
    lengths = itertools.product(range(OPEN_AT_MOST + 1), repeat=len(parts) - 1)
    filled = {"".join("?" * count + part for count, part in zip((0, *some), parts, strict=True)) for some in lengths}
    return [
        written.replace("?", "%s") % signs
        for written in filled
        if written and written.count("?") <= OPEN_AT_MOST
        for signs in itertools.product(SIGNS, repeat=written.count("?"))
    ]
