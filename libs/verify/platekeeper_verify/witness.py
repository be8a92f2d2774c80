"""A witness of logs (C2SP tlog-witness): it cosigns what continues what it saw, and nothing else.

What it saw last of each log lies in one file, written durably before it answers: a witness that forgets can be shown
another past. Whoever runs one keeps that file and the key on a machine of their own, and never restores an old copy.
"""

import fcntl
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from platekeeper_verify import merkle
from platekeeper_verify.cosignatures import Cosigner
from platekeeper_verify.notes import Checkpoint, Key, NotSigned, decoded, open_checkpoint, parse_checkpoint, parts

MOST_PROOF_LINES = 63
LARGEST_BODY = 64 * 1024
SIZE = "text/x.tlog.size"
PLAIN = "text/plain; charset=utf-8"
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str
    media_type: str = PLAIN


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request to cosign: the log says that its tree of `old` leaves continues as `note` says."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


class Witness:
    """Answers the requests of logs whose keys it was given, and remembers."""

    def __init__(self, cosigner: Cosigner, logs: Iterable[Key], state: Path, clock: Callable[[], float]) -> None:
        """`state` is the file of what was seen, `clock` tells the seconds since 1970.

        Raises BlockingIOError when another process has the state, ValueError when it cannot be read.
        """
        self.cosigner = cosigner
        self._logs = {key.name: key for key in logs}
        self._clock = clock
        self._state = state
        self._turn = threading.Lock()
        self._lock = os.open(state.with_name(f"{state.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._seen = _read(state)

    def close(self) -> None:
        """Let another process have the state."""
        os.close(self._lock)

    def seen(self, origin: str) -> Checkpoint | None:
        """The largest tree of the log that was cosigned."""
        note = self._seen.get(origin)
        return None if note is None else parse_checkpoint(parts(note.encode())[0])

    def checkpoint(self, origin_hash: str) -> Answer:
        """GET <prefix>/<origin hash>/checkpoint: the note that was cosigned last, with both signatures."""
        for origin, note in self._seen.items():
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash:
                return Answer(200, note)
        return Answer(404, "no checkpoint of such a log was cosigned here\n")

    def add_checkpoint(self, body: bytes) -> Answer:
        """POST <prefix>/add-checkpoint: a cosignature for what continues what was seen, or why there is none."""
        try:
            asked = _parse(body)
            claimed = parse_checkpoint(parts(asked.note)[0])
        except ValueError as error:
            return Answer(400, f"{error}\n")
        if (key := self._logs.get(claimed.origin)) is None:
            return Answer(404, "this witness does not know the log\n")
        try:
            new = open_checkpoint(asked.note, key)
        except NotSigned as error:
            return Answer(403, f"{error}\n")
        with self._turn:
            return self._cosign(asked, new)

    def _cosign(self, asked: _Asked, new: Checkpoint) -> Answer:
        before = self.seen(new.origin)
        size = before.size if before else 0
        if asked.old > new.size:
            return Answer(400, "the old size is above that of the checkpoint\n")
        if asked.old != size:
            return Answer(409, f"{size}\n", SIZE)
        if (fault := _fault(asked, before, new)) is not None:
            return Answer(422, f"{fault}\n")
        text = parts(asked.note)[0]
        line = self.cosigner.line(text, int(self._clock()))
        self._keep(new.origin, f"{text}\n{_signature_of(asked.note, self._logs[new.origin])}{line}")
        return Answer(200, line)

    def _keep(self, origin: str, note: str) -> None:
        """Durably, before anybody is answered."""
        seen = self._seen | {origin: note}
        part = self._state.with_name(f".{self._state.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(seen, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._state)
        folder = os.open(self._state.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._seen = seen


def seed_in(file: Path) -> bytes:
    """The witness's private key in the file, made when there is none. Raises ValueError for another length."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(secrets.token_bytes(SEED_BYTES))
            new.flush()
            os.fsync(new.fileno())
    seed = file.read_bytes()
    if len(seed) != SEED_BYTES:
        raise ValueError(f"{file} must hold {SEED_BYTES} bytes, not {len(seed)}")
    return seed


def _fault(asked: _Asked, before: Checkpoint | None, new: Checkpoint) -> str | None:
    """Why the checkpoint does not continue what was seen."""
    if new.size == 0 and new.root != merkle.EMPTY:
        return "the empty tree has another root"
    old_root = before.root if before else merkle.EMPTY
    if not merkle.continues(asked.old, new.size, asked.proof, old_root, new.root):
        return "the proof does not show that this tree continues the one that was cosigned"
    return None


def _parse(body: bytes) -> _Asked:
    """Raises ValueError naming what is wrong with a request."""
    head, separator, note = body.partition(b"\n\n")
    lines = head.decode("ascii").split("\n")
    word, _, size = lines[0].partition(" ")
    if not separator or word != "old" or not size.isdecimal() or str(int(size)) != size:
        raise ValueError("the first line is `old` and a size, an empty line comes before the checkpoint")
    proof = tuple(decoded(line) for line in lines[1:])
    if len(proof) > MOST_PROOF_LINES or any(len(part) != merkle.HASH_BYTES for part in proof):
        raise ValueError(f"a proof has at most {MOST_PROOF_LINES} lines, each 32 bytes in base64")
    return _Asked(int(size), proof, note)


def _signature_of(note: bytes, key: Key) -> str:
    """The log's own line of signature in the note, which has been opened with the key."""
    lines = parts(note)[1].splitlines(keepends=True)
    mine = [line for line in lines if line.startswith(f"— {key.name} ")]
    return next(line for line in mine if decoded(line.split(" ")[2].strip())[:4] == key.key_hash)


def _read(state: Path) -> dict[str, str]:
    if not state.exists():
        return {}
    found = json.loads(state.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(note, str) for note in found.values()):
        raise ValueError(f"{state} does not hold what a witness has seen")
    for note in found.values():
        parse_checkpoint(parts(note.encode())[0])
    return found
