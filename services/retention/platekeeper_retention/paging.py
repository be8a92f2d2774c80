"""Cursors: where the next page of a search begins.

A cursor is opaque and sealed under the deployment's id key. It continues only the search that it came from, for the
person who asked; nothing about it is kept, so it stays good as long as the caller has it. It names the last read shown:
reads that arrive meanwhile move nothing, and none that was there is shown twice or left out.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime

import msgspec

from platekeeper_common.caller import Caller
from platekeeper_common.errors import Invalid
from platekeeper_common.ids import Ids
from platekeeper_retention.domain import Query


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last read that a page showed, and the search whose page it was."""

    search_id: str
    captured_at: datetime
    """Aware UTC."""
    read_id: str


class _Sealed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    cursor: Cursor
    seal: str


_decoder = msgspec.json.Decoder(_Sealed)


def write(cursor: Cursor, query: Query, by: Caller, ids: Ids) -> str:
    """The cursor as the caller gets it: URL-safe text."""
    sealed = msgspec.json.encode(_Sealed(cursor, _seal(cursor, query, by, ids)))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(text: str, query: Query, by: Caller, ids: Ids) -> Cursor:
    """The cursor in `text`. Raises Invalid `cursor_invalid` unless we wrote it for this caller and this query."""
    try:
        sealed = _decoder.decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if sealed.seal == _seal(sealed.cursor, query, by, ids):
            return sealed.cursor
    except (msgspec.DecodeError, binascii.Error, ValueError):
        pass
    raise Invalid("the cursor does not continue this search; ask again without it", code="cursor_invalid")


def _seal(cursor: Cursor, query: Query, by: Caller, ids: Ids) -> str:
    asked = json.dumps(query.elements(), sort_keys=True)
    whose = (by.agency_id, by.subject)
    return ids.derive("search.cursor", *whose, asked, cursor.search_id, cursor.captured_at, cursor.read_id)
