"""`platekeeper backup`: everything that this deployment keeps but its keys, in one file that only its recipients open.

The file is a tar in the age format (age-encryption.org/v1). The key store is never in it: once a day's key is destroyed
the pictures of that day are gone from every backup too (F3), and a thief of the backup alone opens no picture. What of
plates lies in databases is in it, so it is encrypted as a whole and does not outlive what the policy allows (G1).
"""

import asyncio
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyrage

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
FOLDERS = ("objects", "checkpoints")
"""Of `PLATEKEEPER_VAR`, taken as they are: pictures are encrypted already."""


class BackupFailed(RuntimeError):
    """No backup was made; says why, in a line."""


def make(folder: Path, recipients: Sequence[str], *, now: datetime, objects: bool = False) -> Path:
    """The new backup in `folder`, after which those that are older than the policy allows are deleted.

    `objects`: also those that lie in a bucket, where `PLATEKEEPER_OBJECTS` names one.

    Raises BackupFailed, SettingsError, PolicyError, OSError.
    """
    settings = load(Settings)
    who = [_recipient(text) for text in recipients]
    kept_for = longest_in_backups(load_folder(settings.policies, sections()).values())
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / now.strftime(NAME)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as making:
        files = chain(_databases(settings, Path(making)).items(), _files(settings))
        if objects:
            files = chain(files, _objects(settings, Path(making)))
        part = Path(making) / "part"
        digest = _write(part, files, who, {"made_at": now.isoformat(), "delete_after": (now + kept_for).isoformat()})
        with part.open("rb") as written:
            if hashlib.file_digest(written, "sha256").hexdigest() != digest:
                raise BackupFailed(f"{path}: what was written reads back otherwise")
        part.rename(path)
    for old in sorted(folder.glob("platekeeper-*.tar.age")):
        if datetime.strptime(old.name, NAME).replace(tzinfo=UTC) + kept_for <= now:
            old.unlink()
    (settings.var / LAST).write_text(json.dumps({"made_at": now.isoformat(), "file": path.name}))
    return path


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise BackupFailed(f"{text}: no age recipient (age1...)") from error


def _databases(settings: Settings, making: Path) -> Mapping[str, Path]:
    """Copies of the databases and of the embedded bus, by their name in the tar."""
    if settings.database:
        return {"database.pgdump": _dumped(settings.database, making / "database.pgdump")}
    found = sorted((settings.var / "db").glob("*.sqlite"))
    if not found:
        raise BackupFailed(f"{settings.var.absolute()}: nothing is kept here yet")
    bus = settings.var / "bus.sqlite"
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
                reader.backup(copy)
        return copies


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=LOCK_SECONDS, isolation_level=None)


def _dumped(url: str, into: Path) -> Path:
    """All schemas by pg_dump; the URL is an administrator's, as for `platekeeper migrate`."""
    program = shutil.which("pg_dump") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_dump")), None)
    if program is None:
        raise BackupFailed("pg_dump is missing: apt-get install postgresql-client")
    address = url.replace("+asyncpg", "", 1)
    words = [program, "--format=custom", "--no-password", f"--file={into}", address]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - words of our own
    if done.returncode:
        raise BackupFailed(f"pg_dump: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}")
    return into


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """What is taken as it lies."""
    for name in FOLDERS:
        for path in sorted((settings.var / name).rglob("*")):
            if path.is_file():
                yield str(path.relative_to(settings.var)), path
    for path in sorted(settings.policies.glob("*.toml")):
        yield f"policies/{path.name}", path


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
        pyrage.encrypt_io(pipe, out, list(recipients))
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
        told = tarfile.TarInfo("manifest.json")
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
            print(make(folder, recipients, now=datetime.now(UTC), objects=objects))  # noqa: T201
    except (BackupFailed, SettingsError, PolicyError, sqlite3.Error, OSError) as error:
        print(f"platekeeper: no backup: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
