"""Signed notes and verifier keys (C2SP signed-note), and the checkpoints in them (C2SP tlog-checkpoint)."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 1
HASH_BYTES = 32
KEY_HASH_BYTES = 4


class NotSigned(ValueError):
    """The note does not carry a good signature of the key, or is no note."""


@dataclass(frozen=True, slots=True)
class Key:
    """A verifier key: whose signatures are believed."""

    name: str
    key_hash: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "Key":
        """From `name+hash+base64`. Raises ValueError naming what is wrong."""
        name, hashed, kind, public = parse_key(text)
        if kind != ED25519:
            raise ValueError("a verifier key is name+hash+base64 of an Ed25519 key")
        return cls(name, hashed, public)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log said: my tree of `size` leaves has this root."""

    origin: str
    size: int
    root: bytes


def parse_key(text: str) -> tuple[str, bytes, int, bytes]:
    """Name, key hash, signature type and public key (32 bytes) of a verifier key `name+hash+base64`.

    Raises ValueError naming what is wrong.
    """
    name, _, rest = text.strip().partition("+")
    stated, _, encoded_key = rest.partition("+")
    key = decoded(encoded_key)
    if not is_name(name) or len(key) != 1 + HASH_BYTES:
        raise ValueError("a verifier key is name+hash+base64 of an Ed25519 key")
    computed = key_hash(name, key)
    if computed.hex() != stated:
        raise ValueError("the verifier key's hash is not that of its name and key")
    return name, computed, key[0], key[1:]


def key_hash(name: str, key: bytes) -> bytes:
    """What tells keys of a name apart; `key` begins with its type."""
    return hashlib.sha256(name.encode() + b"\n" + key).digest()[:KEY_HASH_BYTES]


def parts(note: bytes) -> tuple[str, str]:
    """The text of a note, and its lines of signature. Raises NotSigned for what is no note."""
    try:
        text = note.decode()
    except UnicodeDecodeError as error:
        raise NotSigned("not UTF-8") from error
    signed, separator, lines = text.rpartition("\n\n")
    if not separator or not lines.endswith("\n") or any(ord(c) < 32 and c != "\n" for c in text):
        raise NotSigned("not a signed note")
    return f"{signed}\n", lines


def signatures(lines: str) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes (key hash and signature) of each line. Raises NotSigned for one that is not as it must."""
    for line in lines[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, written = rest.partition(" ")
        data = decoded(written)
        if dash != "—" or not is_name(name) or len(data) <= KEY_HASH_BYTES:
            raise NotSigned("a line of signature is not as it must be")
        yield name, data


def open_note(note: bytes, key: Key) -> str:
    """The text of a note that `key` signed. Raises NotSigned.

    Signatures of other keys are passed over, as the specification wants it.
    """
    signed, lines = parts(note)
    good = False
    for name, data in signatures(lines):
        good = _is_good(name, data, signed, key) or good
    if not good:
        raise NotSigned(f"no signature of {key.name}+{key.key_hash.hex()}")
    return signed


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in the text of a note; further lines are extensions. Raises ValueError naming what is wrong."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise ValueError("a checkpoint has at least three lines, none of them empty")
    origin, size, encoded = lines[:3]
    if not (size.isascii() and size.isdecimal()) or str(int(size)) != size:
        raise ValueError("a checkpoint's size is a number without leading zeros")
    tree_root = decoded(encoded)
    if len(tree_root) != HASH_BYTES:
        raise ValueError("a checkpoint's root is 32 bytes in base64")
    return Checkpoint(origin, int(size), tree_root)


def open_checkpoint(note: bytes, key: Key) -> Checkpoint:
    """The checkpoint that `key` signed under its own name as the origin. Raises NotSigned, or ValueError."""
    checkpoint = parse_checkpoint(open_note(note, key))
    if checkpoint.origin != key.name:
        raise NotSigned(f"the checkpoint is of {checkpoint.origin}, the key of {key.name}")
    return checkpoint


def is_name(text: str) -> bool:
    """Whether the specification takes it for a key's name."""
    return bool(text) and "+" not in text and not any(map(str.isspace, text))


def _is_good(name: str, data: bytes, text: str, key: Key) -> bool:
    """Whether it is a good signature of the key. Raises NotSigned when it claims to be one and is not."""
    if (name, data[:KEY_HASH_BYTES]) != (key.name, key.key_hash):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(data[KEY_HASH_BYTES:], text.encode())
    except InvalidSignature as error:
        raise NotSigned("the signature is wrong: the text was altered or another key signed it") from error
    return True


def encoded(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """The bytes in standard base64; none when it is not."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if base64.b64encode(data).decode() == text else b""
