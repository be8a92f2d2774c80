"""Checkpoints: what the ledger says of its tree, in the bytes of C2SP tlog-checkpoint, signed as a C2SP signed note.

A checkpoint is three lines (origin, size, root in base64); a signed note is the text, an empty line, and a line for
each signature, `— name base64(key hash || signature)`. The ledger signs with Ed25519 under its origin as the name.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"
"""The signature type of C2SP signed-note."""
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of the log `origin` had this root when it had this many leaves."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Signer:
    """The one who signs the checkpoints of the log `origin`."""

    def __init__(self, origin: str, seed: bytes) -> None:
        """`seed`: the 32 bytes of the Ed25519 private key (RFC 8032). Raises ValueError for an unfit origin."""
        if not is_key_name(origin):
            raise ValueError("the origin must not be empty, nor hold spaces or plus signs")
        self.origin = origin
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = ED25519 + self._private.public_key().public_bytes_raw()
        self._hash = hashlib.sha256(origin.encode() + b"\n" + self._public).digest()[:4]

    @property
    def key(self) -> str:
        """The verifier key: `name+hash in hexadecimal+base64(0x01 || public key)`."""
        return f"{self.origin}+{self._hash.hex()}+{base64.b64encode(self._public).decode()}"

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note; the same bytes each time."""
        signature = base64.b64encode(self._hash + self._private.sign(checkpoint.text.encode())).decode()
        return f"{checkpoint.text}\n— {self.origin} {signature}\n"

    def opened(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this signer signed. Raises ValueError for any other text."""
        text, _, signatures = note.rpartition("\n\n")
        lines = f"{text}\n".split("\n")
        if len(lines) != 4 or not lines[1].isdecimal():
            raise ValueError("not a checkpoint")
        try:
            checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
            signature = base64.b64decode(signatures.removeprefix(f"— {self.origin} ").rstrip("\n"), validate=True)
            self._private.public_key().verify(signature[4:], checkpoint.text.encode())
        except InvalidSignature as error:
            raise ValueError("not signed with the ledger's key") from error
        if note != self.sign(checkpoint):
            raise ValueError("not a checkpoint of this ledger")
        return checkpoint


def is_key_name(text: str) -> bool:
    """Whether C2SP signed-note takes it for the name of a key."""
    return bool(text) and text.isprintable() and "+" not in text and not any(map(str.isspace, text))
