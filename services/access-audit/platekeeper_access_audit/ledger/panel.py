"""What is asked of a witness, and whether what it answers is its word."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from platekeeper_common.settings import SettingsError

COSIGNATURE = b"\x04"
"""The type of an Ed25519 cosignature's key."""
KEY_HASH_BYTES = 4
TIME_BYTES = 8
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Witness:
    """One who cosigns, and where it is asked."""

    name: str
    key_hash: bytes
    public: bytes
    url: str

    @classmethod
    def parse(cls, text: str, *, variable: str) -> "Witness":
        """From `VKEY URL`. Raises SettingsError naming the variable and what is wrong."""
        key, _, url = text.strip().partition(" ")
        name, _, rest = key.partition("+")
        stated, _, encoded = rest.partition("+")
        public = _decoded(encoded)
        if not name or len(public) != 1 + KEY_BYTES or public[:1] != COSIGNATURE:
            raise SettingsError(f"{variable}: {name or 'a witness'} needs a verifier key of type 4, name+hash+key")
        computed = hashlib.sha256(name.encode() + b"\n" + public).digest()[:KEY_HASH_BYTES]
        if computed.hex() != stated:
            raise SettingsError(f"{variable}: the hash of {name}'s key is not that of its name and key")
        if not url.startswith(("https://", "http://")):
            raise SettingsError(f"{variable}: {name} needs a URL after its key")
        return cls(name, computed, public[1:], url.strip().rstrip("/"))


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness saw the checkpoint `at`; `line` says so, with the line feed."""

    witness: str
    at: datetime
    line: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The witnesses of this ledger, how many of them a checkpoint needs, and for how long it may go without."""

    witnesses: Sequence[Witness]
    needed: int
    limit: timedelta

    def late(self, since: datetime, now: datetime) -> bool:
        """Whether the last checkpoint that enough of them cosigned was heard of too long ago."""
        return bool(self.needed) and now - since > self.limit


def panel(listed: str, needed: int | None, minutes: float, *, variable: str) -> Panel:
    """The panel of settings: `VKEY URL[, VKEY URL...]`; `needed` None: all of them. Raises SettingsError."""
    witnesses = [Witness.parse(one, variable=variable) for one in listed.split(",") if one.strip()]
    if len({witness.name for witness in witnesses}) < len(witnesses):
        raise SettingsError(f"{variable}: a witness is listed twice")
    wanted = len(witnesses) if needed is None else needed
    if wanted > len(witnesses):
        raise SettingsError(f"{variable}: {wanted} witnesses are needed and {len(witnesses)} are listed")
    return Panel(witnesses, wanted, timedelta(minutes=minutes))


def request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body that asks for a cosignature: the tree of `old` leaves continues as the note says."""
    lines = "".join(f"{base64.b64encode(part).decode()}\n" for part in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def cosigned(note: str, known: Sequence[Cosignature]) -> str:
    """The note with the lines of the witnesses under the ledger's own."""
    return note + "".join(one.line for one in known)


def cosignature(answer: str, note: str, witness: Witness) -> Cosignature | None:
    """The witness's cosignature of the note in an answer; None when it holds no good one. Other lines are ignored."""
    text = note.rpartition("\n\n")[0] + "\n"
    for line in answer.splitlines(keepends=True):
        dash, _, rest = line.rstrip("\n").partition(" ")
        name, _, encoded = rest.partition(" ")
        data = _decoded(encoded)
        if (dash, name, data[:KEY_HASH_BYTES]) != ("—", witness.name, witness.key_hash) or not line.endswith("\n"):
            continue
        signed = data[KEY_HASH_BYTES:]
        seconds = int.from_bytes(signed[:TIME_BYTES], "big")
        try:
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            Ed25519PublicKey.from_public_bytes(witness.public).verify(signed[TIME_BYTES:], message)
            return Cosignature(witness.name, datetime.fromtimestamp(seconds, UTC), line)
        except (InvalidSignature, ValueError, OverflowError, OSError):
            continue
    return None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
