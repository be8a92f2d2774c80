"""The keyed digest of a plate: an index and nothing else. No leaf, export or answer holds one.

HMAC-SHA-256 (RFC 2104) under a key of agency and month: with the month's key gone a digest says nothing, to anyone.
"""

import hashlib
import hmac
import itertools
import json
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from platekeeper_common import patterns, plates
from platekeeper_common.errors import Invalid
from platekeeper_common.ids import AgencyId

OPEN_AT_MOST = 2
"""Characters of a pattern that may be open: whoever leaves more open is hardly after one vehicle."""
SIGNS = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Asked:
    """The plates that a record named; `further`: it is a later page of a search that another record began."""

    plates: frozenset[str]
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
    """The plates among a record's query elements (JSON); None when it names none that could be a plate."""
    found = json.loads(elements)
    named = named_in(found) if isinstance(found, dict) else frozenset()
    return Asked(named, further="after" in found) if named else None


def scopes(query: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where query elements say which reads are meant: a search itself; a release in what was asked for and approved."""
    return [query, *(scope for name in ("scope", "approved") if isinstance(scope := query.get(name), dict))]


def named_in(query: Mapping[str, Any]) -> frozenset[str]:
    """The plates, normalised, that query elements name: the one of a search or an entry, those of a release, those that
    an import put on a list or took off it. Not those that somebody was shown.
    """
    return frozenset(plate for text in _written(query) if (plate := _normalised(text)) is not None)


def _written(query: Mapping[str, Any]) -> Iterator[Any]:
    yield query.get("plate")
    _, *released = scopes(query)
    for found in (*(scope.get("plates") for scope in released), query.get("listed"), query.get("unlisted")):
        yield from found if isinstance(found, list) else ()


def _normalised(text: Any) -> str | None:
    try:
        return plates.normalise(text) if isinstance(text, str) else None
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
