"""An export of leaves: one JSON document a line, `{"index", "leaf_hash", "salt", "canonical"}`."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platekeeper_verify.merkle import leaf_hash

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Said:
    """What the verifier reads of a record's content: who numbered it, and when it happened."""

    id: str
    producer: str
    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Leaf:
    """A line of an export. `computed` is the hash of its content, None when the content is withheld."""

    index: int
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
    content = _object(canonical)
    names = ("id", "producer", "at")
    if not all(isinstance(content.get(name), str) for name in names) or type(content.get("number")) is not int:
        raise ValueError("a record has id, producer, number and at")
    at = datetime.fromisoformat(content["at"])
    if at.tzinfo is None:
        raise ValueError("a record's moment must know its time zone")
    return Said(content["id"], content["producer"], content["number"], at)


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - as of all lines
    return document


def _hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
