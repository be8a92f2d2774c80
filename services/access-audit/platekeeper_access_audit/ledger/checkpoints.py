"""Checkpoints: what the ledger says of its tree, in the bytes of C2SP tlog-checkpoint, signed as a C2SP signed note.

A checkpoint is three lines: origin, size, root in base64. The ledger signs with Ed25519 under its origin as the name.
"""

import base64
from dataclasses import dataclass

from platekeeper_common.notes import NoteSigner

HASH_BYTES = 32
VOUCHED = "platekeeper export key v1"
"""The first line of the note that names the key of exports."""


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
        self.origin = origin
        self._signer = NoteSigner(origin, seed)

    @property
    def key(self) -> str:
        """The verifier key: `name+hash in hexadecimal+base64(0x01 || public key)`."""
        return self._signer.key

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note; the same bytes each time."""
        return self._signer.sign(checkpoint.text)

    def vouch(self, key: str) -> str:
        """The signed note by which the ledger lets this verifier key speak for its exports; no checkpoint."""
        return self._signer.sign(f"{VOUCHED}\n{key}\n")

    def opened(self, note: str) -> Checkpoint:
        """The checkpoint in a note that this signer signed. Raises ValueError for any other text."""
        lines = self._signer.opened(note).split("\n")
        if len(lines) != 4 or not lines[1].isdecimal():
            raise ValueError("not a checkpoint")
        checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
        if note != self.sign(checkpoint):
            raise ValueError("not a checkpoint of this ledger")
        return checkpoint
