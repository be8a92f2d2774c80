"""The key store: a folder of its own, outside backups.

One key-encryption key (`kek`) wraps every other key with AES-256-GCM, the key's own name as associated data. Destroying
a wrapped key destroys everything that was encrypted under it, in backups too; only the owner of the data may do that
(retention for images, the ledger's worker for audit months).
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone

KEY_BYTES = 32
NONCE_BYTES = 12
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class KeyStore:
    """256-bit keys by name (`agency/2026-11-22/image`), made when first asked for, each wrapped in a file."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, making it and its key-encryption key when absent (modes 0700 and 0600)."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "kek"
        if not path.exists():
            _create(path, secrets.token_bytes(KEY_BYTES))
        self._kek = AESGCM(path.read_bytes())
        self._open: dict[str, bytes] = {}

    def key(self, name: str) -> bytes:
        """The key of that name, made on first use; the same bytes for ever and in every process.

        Raises Unavailable when it cannot be kept.
        """
        path = self._path(name)
        if not path.exists():
            self._open.pop(name, None)
            with _kept():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                _create(path, self.wrap(secrets.token_bytes(KEY_BYTES), name))
        if name not in self._open:
            self._open[name] = self.unwrap(path.read_bytes(), name)
        return self._open[name]

    def existing(self, name: str) -> bytes:
        """The key of that name. Raises Gone (`key_destroyed`) when there is none: what it opened cannot be read."""
        if not self._path(name).exists():
            self._open.pop(name, None)
            raise Gone("the key of this record has been destroyed", code="key_destroyed")
        return self.key(name)

    def keep(self, name: str, secret: bytes) -> None:
        """Store a secret that was made elsewhere (a signing key), wrapped. Raises FileExistsError if it is there."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path, self.wrap(secret, name), shared=False)

    def names(self, prefix: str) -> list[str]:
        """Names of the keys in the folder `prefix`, sorted."""
        folder = self._path(prefix).with_suffix("")
        return sorted(f"{prefix}/{path.stem}" for path in folder.glob("*.key"))

    def wrap(self, secret: bytes, name: str) -> bytes:
        """`secret` encrypted under the key-encryption key: nonce and ciphertext."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._kek.encrypt(nonce, secret, name.encode())

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        """The secret in `wrapped`. Raises ValueError when it was wrapped under another name or altered."""
        try:
            return self._kek.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name.encode())
        except InvalidTag as error:
            raise ValueError(f"the key {name} was altered, or wrapped by another key-encryption key") from error

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a key's name: {name!r}")
        return self._folder / f"{name}.key"


@contextmanager
def _kept() -> Iterator[None]:
    """A disk that is full is a neighbour that is away."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"key store: {type(error).__name__}") from error


def _create(path: Path, data: bytes, *, shared: bool = True) -> None:
    """Write durably under a temporary name, then link: a reader sees the whole key or none.

    The first writer wins; unless the key is `shared`, the second gets FileExistsError.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        if not shared:
            raise
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
