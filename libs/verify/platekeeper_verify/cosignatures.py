"""Cosignatures: what witnesses say of a checkpoint (C2SP tlog-cosignature, the kind with Ed25519).

A witness says: at this time this was the largest tree that I have seen of this log, and it continues what I saw before.
Whoever demands witnesses cannot be shown a log that others are not shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from platekeeper_verify.notes import (
    ED25519,
    KEY_HASH_BYTES,
    NotSigned,
    encoded,
    is_name,
    key_hash,
    parse_key,
    parts,
    signatures,
)

ED25519_COSIGNATURE = 4
TIME_BYTES = 8
LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Witness:
    """Whose cosignatures are believed."""

    name: str
    key_hash: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "Witness":
        """From a verifier key of type 4. Raises ValueError naming what is wrong."""
        name, hashed, kind, public = parse_key(text)
        if kind == ED25519:
            raise ValueError(f"the key of {name} signs notes; a witness has a key for cosignatures (type 4)")
        if kind != ED25519_COSIGNATURE:
            raise ValueError(f"the key of {name} is of type {kind}; Ed25519 cosignatures have type 4")
        return cls(name, hashed, public)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness saw the checkpoint, at `at` (seconds since 1970)."""

    witness: str
    at: int


class Cosigner:
    """The one who cosigns under a name; of each Ed25519 key the specification allows one."""

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: the 32 bytes of the Ed25519 private key (RFC 8032). Raises ValueError for an unfit name."""
        if not is_name(name):
            raise ValueError("the name of a witness must not be empty, nor hold spaces or plus signs")
        self.name = name
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = bytes([ED25519_COSIGNATURE]) + self._private.public_key().public_bytes_raw()
        self._hash = key_hash(name, self._public)

    @property
    def key(self) -> str:
        """The verifier key, for the log and for whoever checks."""
        return f"{self.name}+{self._hash.hex()}+{encoded(self._public)}"

    def line(self, text: str, at: int) -> str:
        """The line of cosignature of a checkpoint's text, seen at `at` (seconds since 1970)."""
        signature = self._private.sign(_message(text, at))
        return f"— {self.name} {encoded(self._hash + at.to_bytes(TIME_BYTES, 'big') + signature)}\n"


def cosigned(note: bytes, witnesses: Iterable[Witness]) -> list[Cosigned]:
    """Which of the witnesses cosigned the note, each once. Lines of others are passed over.

    Raises NotSigned for what is no note, or for a line of a witness's key that is not right.
    """
    text, lines = parts(note)
    found: dict[str, Cosigned] = {}
    for name, data in signatures(lines):
        for witness in witnesses:
            if (name, data[:KEY_HASH_BYTES]) == (witness.name, witness.key_hash):
                found[name] = Cosigned(name, _seen_at(text, data[KEY_HASH_BYTES:], witness))
    return list(found.values())


def _seen_at(text: str, data: bytes, witness: Witness) -> int:
    at = int.from_bytes(data[:TIME_BYTES], "big")
    if len(data) <= TIME_BYTES or not 0 < at <= LATEST:
        raise NotSigned(f"the cosignature of {witness.name} tells no time")
    try:
        Ed25519PublicKey.from_public_bytes(witness.public).verify(data[TIME_BYTES:], _message(text, at))
    except InvalidSignature as error:
        raise NotSigned(f"the cosignature of {witness.name} is wrong") from error
    return at


def _message(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()
