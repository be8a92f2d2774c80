"""The key store: a folder or a bucket of its own, outside backups.

One key-encryption key (`kek`) wraps every other key with AES-256-GCM, the key's own name as associated data. It lies in
the folder of the others by default; a bucket holds wrapped keys alone, and every process is given the key-encryption
key as a file. Destroying a wrapped key destroys everything that was encrypted under it, in backups too; only the owner
of the data may do that (retention for images, the ledger's worker for audit months).
"""

import asyncio
import os
import re
import secrets
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone
from platekeeper_common.settings import SettingsError

KEY_BYTES = 32
NONCE_BYTES = 12
FRESH_SECONDS = 10.0
"""How long a process believes what a bucket said: a key destroyed elsewhere opens nothing after so long."""
OUTAGE_SECONDS = 600.0
"""How long a process writes under a key that it knows while the store is away, and holds a key that nobody asks for."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class Shelf(Protocol):
    """Where wrapped keys lie, by path: a folder's own form below, or a bucket (`stores.Store`)."""

    async def create(self, path: str, data: bytes) -> bool:
        """Keep durably; False when something is there already: of all writers the first wins. Raises Unavailable."""

    async def read(self, path: str) -> bytes | None:
        """What lies there now, None when nothing does. Raises Unavailable."""

    async def names(self, folder: str) -> list[str]:
        """The last parts of the paths in `folder`, sorted. Raises Unavailable."""

    async def remove(self, path: str) -> None:
        """Take away what lies there, durably; nothing there is as well. Raises Unavailable: it may be there still."""


@dataclass(slots=True)
class _Known:
    key: bytes
    seen_at: float
    """Of the monotonic clock: when the shelf was asked and had it."""
    asked_at: float
    """When it was last asked; it may have been away."""


class KeyStore:
    """256-bit keys by name (`agency/2026-11-22/image`), made when first asked for, each wrapped on the shelf."""

    def __init__(
        self, kek: bytes, shelf: Shelf, *, fresh: float = FRESH_SECONDS, outage: float = OUTAGE_SECONDS
    ) -> None:
        """`kek` holds KEY_BYTES; what the shelf said is believed for `fresh` seconds, for `outage` while it is away."""
        if len(kek) != KEY_BYTES:
            raise ValueError(f"the key-encryption key must hold {KEY_BYTES} bytes")
        self._kek = AESGCM(kek)
        self._shelf = shelf
        self._fresh = fresh
        self._outage = outage
        self._known: dict[str, _Known] = {}
        self._listed: dict[str, tuple[list[str], float]] = {}
        self._asking: dict[tuple[str, bool], asyncio.Task[bytes | None]] = {}

    async def key(self, name: str) -> bytes:
        """The key of that name, made on first use; the same bytes for ever and in every process.

        Raises Unavailable when it cannot be kept; a key seen in the last OUTAGE_SECONDS outlasts a store that is away.
        """
        known = self._known.get(name)
        if known is not None and time.monotonic() - known.asked_at < self._fresh:
            return known.key
        try:
            found = await self._seen(name, make=True)
        except Unavailable:
            if known is None or time.monotonic() - known.seen_at > self._outage:
                raise
            known.asked_at = time.monotonic()
            return known.key
        if found is None:
            raise Unavailable("key store: a key was made, and went")
        return found

    async def existing(self, name: str) -> bytes:
        """The key of that name, when it was there within the last FRESH_SECONDS.

        Raises Gone (`key_destroyed`) when there is none: what it opened cannot be read. Raises Unavailable when the
        store is away: nobody can tell.
        """
        known = self._known.get(name)
        if known is not None and time.monotonic() - known.seen_at < self._fresh:
            return known.key
        found = await self._seen(name)
        if found is None:
            raise Gone("the key of this record has been destroyed", code="key_destroyed")
        return found

    async def keep(self, name: str, secret: bytes) -> None:
        """Store a secret that was made elsewhere (a signing key), wrapped. Raises FileExistsError if it is there."""
        path = _path(name)
        if not await self._shelf.create(path, self.wrap(secret, name)):
            raise FileExistsError(f"a key {name} is there already")
        self._listed.pop(name.rpartition("/")[0], None)

    async def names(self, prefix: str) -> list[str]:
        """Names of the keys in the folder `prefix`, sorted; at most `fresh` seconds old."""
        _path(prefix)
        found, asked_at = self._listed.get(prefix, ([], -self._fresh))
        now = time.monotonic()
        if now - asked_at >= self._fresh:
            paths = await self._shelf.names(prefix)
            found = [f"{prefix}/{path.removesuffix('.key')}" for path in paths if path.endswith(".key")]
            self._listed[prefix] = found, now
        return found

    async def destroy(self, name: str) -> None:
        """Destroy the key of that name: what it sealed opens nowhere any more, here at once, elsewhere after `fresh`.

        For the owner of the data alone, of data that nobody seals any more: `key` would make another of the name. Doing
        it twice is the same as once. Raises Unavailable: it may be there still.
        """
        await self._shelf.remove(_path(name))
        self._known.pop(name, None)
        self._listed.pop(name.rpartition("/")[0], None)

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

    async def _seen(self, name: str, *, make: bool = False) -> bytes | None:
        """The key as the shelf tells now; many who ask at once are one question."""
        asked = name, make
        if asked not in self._asking:
            self._asking[asked] = asyncio.create_task(self._ask(name, make=make))
            self._asking[asked].add_done_callback(partial(self._answered, asked))
        return await asyncio.shield(self._asking[asked])

    def _answered(self, asked: tuple[str, bool], task: asyncio.Task[bytes | None]) -> None:
        del self._asking[asked]
        if not task.cancelled():
            task.exception()  # whoever asked may have gone meanwhile

    async def _ask(self, name: str, *, make: bool) -> bytes | None:
        now, path = time.monotonic(), _path(name)
        wrapped = await self._shelf.read(path)
        if wrapped is None and make:
            await self._shelf.create(path, self.wrap(secrets.token_bytes(KEY_BYTES), name))
            wrapped = await self._shelf.read(path)
        for idle in [one for one, known in self._known.items() if now - known.asked_at > self._outage]:
            del self._known[idle]
        if wrapped is None:
            self._known.pop(name, None)
            return None
        found = self.unwrap(wrapped, name)
        self._known[name] = _Known(found, now, now)
        return found


class Folder:
    """A shelf in a folder of this machine; files of mode 0600. Its word is asked each time: that costs microseconds."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, making it when absent (mode 0700)."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def create(self, path: str, data: bytes) -> bool:
        """As Shelf says. A disk that is full is a neighbour that is away."""

        def make() -> bool:
            place = self._folder / path
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return _create(place, data)

        try:
            return await asyncio.to_thread(make)
        except OSError as error:
            raise Unavailable(f"key store: {type(error).__name__}") from error

    async def read(self, path: str) -> bytes | None:
        """As Shelf says."""
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unavailable(f"key store: {type(error).__name__}") from error

    async def names(self, folder: str) -> list[str]:
        """As Shelf says."""
        return sorted(path.name for path in (self._folder / folder).glob("*.key"))

    async def remove(self, path: str) -> None:
        """As Shelf says."""
        place = self._folder / path

        def take_away() -> None:
            place.unlink(missing_ok=True)
            if place.parent.exists():
                _sync(place.parent)

        try:
            await asyncio.to_thread(take_away)
        except OSError as error:
            raise Unavailable(f"key store: {type(error).__name__}") from error


def in_folder(folder: Path, kek: bytes | None = None) -> KeyStore:
    """The store in a folder; `kek` is made and kept in it when none is given."""
    shelf = Folder(folder)
    path = folder / "kek"
    if kek is None:
        if not path.exists():
            _create(path, secrets.token_bytes(KEY_BYTES))
        kek = path.read_bytes()
    return KeyStore(kek, shelf, fresh=0)


def read_kek(path: Path, *, variable: str) -> bytes:
    """The key-encryption key in a file: KEY_BYTES bytes and nothing else. Raises SettingsError naming `variable`."""
    try:
        kek = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{variable}: {path} cannot be read: {error.strerror}") from error
    if len(kek) != KEY_BYTES:
        raise SettingsError(f"{variable}: {path} must hold {KEY_BYTES} random bytes, not {len(kek)}")
    return kek


def _path(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a key's name: {name!r}")
    return f"{name}.key"


def _create(path: Path, data: bytes) -> bool:
    """Write durably under a temporary name, then link: a reader sees the whole key or none.

    The first writer wins; whether it was this one.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    first = True
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        first = False
    finally:
        part.unlink(missing_ok=True)
    _sync(path.parent)
    return first


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
