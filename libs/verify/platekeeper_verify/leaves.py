"""An export of leaves: one JSON document a line, `{"index", "leaf_hash", "salt", "canonical"}`."""

import base64
import binascii
import json
from datetime import datetime
from typing import Any, NamedTuple

from platekeeper_verify.merkle import leaf_hash

HASH_BYTES = 32
_BLANKS = " \t\r\n"
"""What JSON lets stand around an object."""
_decode = json.JSONDecoder().raw_decode


class Said(NamedTuple):
    """What the verifier reads of a record's content: who numbered it, and when it happened."""

    id: str
    producer: str
    number: int
    at: float
    """Seconds since 1970."""


class Leaf(NamedTuple):
    """A line of an export, which states its index as `place`; `computed`: its content's hash, None when withheld."""

    place: int
    stated: bytes
    computed: bytes | None
    said: Said | None


def parse(line: str) -> Leaf:
    """The leaf in a line. Raises ValueError naming what is wrong."""
    document = _object(line)
    index, stated = document.get("index"), document.get("leaf_hash")
    if type(index) is not int or index < 0:
        raise ValueError("index must be a whole number from 0")
    if not isinstance(stated, str) or len(hashed := _hexadecimal(stated)) != HASH_BYTES:
        raise ValueError("leaf_hash must be 32 bytes in hexadecimal")
    salt, canonical = document.get("salt"), document.get("canonical")
    if salt is None and canonical is None:
        return Leaf(index, hashed, None, None)
    if not isinstance(salt, str) or not isinstance(canonical, str):
        raise ValueError("salt and canonical must be given both or neither")  # noqa: TRY004 - as of all lines
    try:
        data = base64.b64decode(salt, validate=True) + canonical.encode()
    except (binascii.Error, ValueError) as error:
        raise ValueError("salt must be base64, canonical Unicode") from error
    return Leaf(index, hashed, leaf_hash(data), _said(canonical))


def _said(canonical: str) -> Said:
    content = _object(canonical).get
    record_id, producer, number, at = content("id"), content("producer"), content("number"), content("at")
    if not (isinstance(record_id, str) and isinstance(producer, str) and isinstance(at, str) and type(number) is int):
        raise ValueError("a record has id, producer, number and at")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError("a record's moment must know its time zone")
    return Said(record_id, producer, number, moment.timestamp())


def _object(text: str) -> dict[str, Any]:
    text = text.strip(_BLANKS)
    try:
        document, end = _decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if end < len(text):
        raise ValueError("more than a JSON object")
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - as of all lines
    return document


def _hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
