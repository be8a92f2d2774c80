"""`platekeeper backup`: everything that this deployment keeps but its keys, in one file that only its recipients open.

The file is a tar in the age format (age-encryption.org/v1). The key store is never in it: once a day's key is destroyed
the pictures of that day are gone from every backup too (F3), and a thief of the backup alone opens no picture. What of
plates lies in databases is in it, so it is encrypted as a whole and does not outlive what the policy allows (G1).
"""

import asyncio
import contextlib
import hashlib
import io
import json
import os
import signal
import sqlite3
import sys
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyrage

from platekeeper import dumps, scratch
from platekeeper.registry import sections
from platekeeper.runtime import VERSION
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.foundation import open_objects
from platekeeper_common.policy import PolicyError, load_folder
from platekeeper_common.settings import Settings, SettingsError, load
from platekeeper_common.shared_policy import longest_in_backups
from platekeeper_common.stores import Store

NAME = "platekeeper-%Y%m%dT%H%M%SZ.tar.age"
LAST = "backup.json"
"""Under `PLATEKEEPER_VAR`: when the last one was made, for the security baseline."""
LOCK_SECONDS = 30.0
"""How long writers of the embedded databases may keep the cut waiting."""
STEP = 10_000
"""Pages of a database that are copied between two looks at whether we are told to end."""
DUMP, BUS, MANIFEST, POLICIES = "database.pgdump", "bus.sqlite", "manifest.json", "policies"
FOLDERS = ("objects", "checkpoints")
"""Of `PLATEKEEPER_VAR`, taken as they are: pictures are encrypted already."""


class BackupFailed(RuntimeError):
    """No backup was made; says why, in a line."""


def make(folder: Path, recipients: Sequence[str], *, now: datetime, objects: bool = False) -> Path:
    """The new backup in `folder`, after which those that are older than the policy allows are deleted.

    `objects`: also those that lie in a bucket, where `PLATEKEEPER_OBJECTS` names one.

    Raises BackupFailed, DumpFailed, SettingsError, PolicyError, OSError.
    """
    settings = load(Settings)
    who = [_recipient(text) for text in recipients]
    kept_for = longest_in_backups(load_folder(settings.policies, sections()).values())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not settings.var.is_dir():
        raise BackupFailed(f"{settings.var.absolute()}: nothing is kept here yet")
    path = folder / now.strftime(NAME)
    # What is not encrypted yet never lies in the folder of the backups.
    with scratch.folder(settings.var) as copies, scratch.folder(folder) as making:
        files = chain(_databases(settings, copies).items(), _files(settings))
        if objects:
            files = chain(files, _objects(settings, copies))
        part = making / "part"
        digest = _write(part, files, who, {"made_at": now.isoformat(), "delete_after": (now + kept_for).isoformat()})
        with part.open("rb") as written:
            if hashlib.file_digest(written, "sha256").hexdigest() != digest:
                raise BackupFailed(f"{path}: what was written reads back otherwise")
        part.rename(path)
    for old, made_at in _made(folder):
        if made_at + kept_for <= now:
            old.unlink()
    (settings.var / LAST).write_text(json.dumps({"made_at": now.isoformat(), "file": path.name}))
    return path


def _made(folder: Path) -> Iterator[tuple[Path, datetime]]:
    """The backups in the folder and when they were made; files whose names do not tell are somebody else's."""
    for path in sorted(folder.glob("platekeeper-*.tar.age")):
        with contextlib.suppress(ValueError):
            yield path, datetime.strptime(path.name, NAME).replace(tzinfo=UTC)


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise BackupFailed(f"{text}: no age recipient (age1...)") from error


def _databases(settings: Settings, making: Path) -> Mapping[str, Path]:
    """Copies of the databases and of the embedded bus, by their name in the tar."""
    if settings.database:
        return {DUMP: dumps.dump(settings.database, making / DUMP)}
    found = sorted((settings.var / "db").glob("*.sqlite"))
    if not found:
        raise BackupFailed(f"{settings.var.absolute()}: nothing is kept here yet")
    bus = settings.var / BUS
    found += [bus] if bus.exists() and not settings.bus else []
    return {str(path.relative_to(settings.var)): copy for path, copy in _cut(found, making).items()}


def _cut(databases: Sequence[Path], making: Path) -> Mapping[Path, Path]:
    """Copies of one moment: writers wait for the few milliseconds in which a view of every file is opened."""
    with ExitStack() as stack:
        writers, readers = ([stack.enter_context(closing(_open(path))) for path in databases] for _ in range(2))
        for writer in writers:
            writer.execute("BEGIN IMMEDIATE")
        for reader in readers:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for writer in writers:
            writer.execute("ROLLBACK")
        copies = {}
        for path, reader in zip(databases, readers, strict=True):
            copies[path] = making / path.name
            with closing(sqlite3.connect(copies[path])) as copy:
                # In steps, or SIGTERM would not be heard before the whole is copied.
                reader.backup(copy, pages=STEP, progress=lambda *_pages: None)
        return copies


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=LOCK_SECONDS, isolation_level=None)


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """What is taken as it lies."""
    for name in FOLDERS:
        for path in sorted((settings.var / name).rglob("*")):
            if path.is_file():
                yield str(path.relative_to(settings.var)), path
    for path in sorted(settings.policies.glob("*.toml")):
        yield f"{POLICIES}/{path.name}", path


def _objects(settings: Settings, making: Path) -> Iterator[tuple[str, Path]]:
    """The objects of the bucket, one at a time: each lies in `making` until the next is asked for.

    What is purged meanwhile is left out. Raises BackupFailed.
    """
    if not settings.objects:
        return
    store, copy = open_objects(settings), making / "object"
    try:
        for name in _walked(store):
            data = asyncio.run(store.read(name))
            if data is not None:
                copy.write_bytes(data)
                yield f"objects/{name}", copy
    except Unavailable as error:
        raise BackupFailed(f"{settings.objects}: {error}") from error


def _walked(store: Store, folder: str = "") -> Iterator[str]:
    """The paths of everything in the store, folder by folder."""
    for name in asyncio.run(store.names(folder)):
        yield f"{folder}/{name}" if folder else name
    for inner in asyncio.run(store.folders(folder)):
        yield from _walked(store, f"{folder}/{inner}" if folder else inner)


def _write(
    part: Path,
    files: Iterable[tuple[str, Path]],
    recipients: Sequence[pyrage.x25519.Recipient],
    about: Mapping[str, str],
) -> str:
    """Write the encrypted tar; its SHA-256, hexadecimal."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def tar() -> None:
        try:
            with os.fdopen(writing, "wb") as pipe:
                _tar(pipe, files, about)
        except BaseException as error:  # noqa: BLE001 - told by who reads
            failed.append(error)

    teller = threading.Thread(target=tar)
    with os.fdopen(reading, "rb") as pipe, _Counted(part) as out:
        teller.start()
        try:
            pyrage.encrypt_io(pipe, out, list(recipients))
        except pyrage.EncryptError as error:
            raise BackupFailed(f"{part.parent.parent}: could not be written: {error}") from error
        teller.join()
        out.sync()
    if failed:
        raise BackupFailed(f"could not be read: {failed[0]}") from failed[0]
    return out.digest


def _tar(pipe: IO[bytes], files: Iterable[tuple[str, Path]], about: Mapping[str, str]) -> None:
    listed = []
    with tarfile.open(fileobj=pipe, mode="w|") as archive:
        for name, path in files:
            with path.open("rb") as data:
                told = archive.gettarinfo(arcname=name, fileobj=data)
                archive.addfile(told, data)
                data.seek(0)
                listed.append(
                    {"name": name, "bytes": told.size, "sha256": hashlib.file_digest(data, "sha256").hexdigest()}
                )
        manifest = json.dumps({"platekeeper": VERSION, **about, "files": listed}, indent=1).encode()
        told = tarfile.TarInfo(MANIFEST)
        told.size = len(manifest)
        archive.addfile(told, io.BytesIO(manifest))


class _Counted:
    """A file for its owner alone whose digest is known once it is written."""

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def __enter__(self) -> "_Counted":
        return self

    def __exit__(self, *_error: Any) -> None:
        self._file.close()


def make_identity(path: Path) -> str:
    """Write a new age identity, which opens backups, for its owner alone; the recipient that belongs to it.

    Raises FileExistsError.
    """
    identity = pyrage.x25519.Identity.generate()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public())


def run(folder: Path | None, recipients: Sequence[str], identity: Path | None, *, objects: bool) -> int:
    """The command; its exit status."""
    try:
        if identity is not None:
            print(f"recipient: {make_identity(identity)}")  # noqa: T201
            print(f"keep {identity} away from this machine: it alone opens the backups")  # noqa: T201
        if folder is not None:
            with scratch.unwinding():
                print(make(folder, recipients, now=datetime.now(UTC), objects=objects))  # noqa: T201
    except scratch.Ended:
        print("platekeeper: no backup: told to end", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGTERM
    except (BackupFailed, dumps.DumpFailed, SettingsError, PolicyError, sqlite3.Error, OSError) as error:
        print(f"platekeeper: no backup: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
