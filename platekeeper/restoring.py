"""`platekeeper restore`: what a backup holds, put where nothing is yet.

The keys are in no backup: their store must be there before, or what was sealed under them stays shut.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import tarfile
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyrage

from platekeeper import dumps, migrating, scratch, server
from platekeeper.backup import BUS, DUMP, FOLDERS, MANIFEST, POLICIES
from platekeeper.registry import NAMES, service
from platekeeper_common.foundation import open_objects
from platekeeper_common.provision import make_roles, provision, tables
from platekeeper_common.settings import PREFIX, Settings

PLACES = ("db", BUS, *FOLDERS)
"""Under `PLATEKEEPER_VAR`: what a backup holds of it."""
PIECE = 1 << 20


class RestoreFailed(RuntimeError):
    """Nothing, or not everything, was restored; says why, in a line."""


def restore(file: Path, identity: Path, passwords: Mapping[str, str], *, now: datetime) -> list[str]:
    """Everything in the backup, put in its places; what a person has yet to look at, a line each.

    The places are empty: the databases, and what else a backup holds of `PLATEKEEPER_VAR`.

    Raises RestoreFailed, DumpFailed, SettingsError, PolicyError, AlreadyRunning, Unavailable, OSError.
    """
    settings, who = server.load_settings(), _identity(identity)
    with server.alone(settings, *NAMES):
        _demand_room(settings)
        with scratch.folder(settings.var) as opened:
            manifest = _open(file, who, opened)
            _demand_usable(manifest, opened, settings, now)
            told = _differing_policies(settings, opened)
            asyncio.run(_put(settings, opened, passwords))
    return [f"restored as of {manifest['made_at']}, made by platekeeper {manifest['platekeeper']}", *told]


def _identity(path: Path) -> pyrage.x25519.Identity:
    for line in path.read_text().splitlines():
        with contextlib.suppress(pyrage.IdentityError):
            return pyrage.x25519.Identity.from_str(line.strip())
    raise RestoreFailed(f"{path}: no age identity (AGE-SECRET-KEY-1...)")


def _demand_room(settings: Settings) -> None:
    """Raise RestoreFailed where something is kept already, or the keys are not."""
    for place in (settings.var / name for name in PLACES):
        if place.is_file() or (place.is_dir() and any(place.iterdir())):
            raise RestoreFailed(f"{place.absolute()} is not empty: a backup is restored where nothing is kept yet")
    if settings.database and (there := asyncio.run(_tables(settings.database))):
        raise RestoreFailed(
            f"the database is not empty, it has {there[0]} and {len(there) - 1} more tables: restore into another, that"
            " is made where there is none, or drop this one first"
        )
    keys = settings.var / "keys"
    if not settings.key_store and not (keys.is_dir() and any(keys.iterdir())):
        raise RestoreFailed(f"{keys.absolute()}: put the key store back first, it is in no backup")


async def _tables(url: str) -> list[str]:
    await migrating.make_database(url)
    return await tables(url)


def _open(file: Path, identity: pyrage.x25519.Identity, into: Path) -> Mapping[str, Any]:
    """Decrypt and unpack, and compare everything with the manifest, which comes last; the manifest."""
    found: dict[str, str] = {}
    with _decrypted(file, identity) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
        for member in archive:
            data = archive.extractfile(member)
            if data is None or not _is_ours(member.name):
                raise RestoreFailed(f"{file}: {member.name} is nothing that a backup holds")
            found[member.name] = _written(data, into / member.name)
    if MANIFEST not in found:
        raise RestoreFailed(f"{file}: cut short, its manifest is missing")
    manifest: Mapping[str, Any] = json.loads((into / MANIFEST).read_bytes())
    listed = {one["name"]: one["sha256"] for one in manifest["files"]}
    if wrong := sorted(name for name in listed if found.get(name) != listed[name]):
        raise RestoreFailed(f"{file}: {wrong[0]} and {len(wrong) - 1} more are not what was put in")
    return manifest


@contextmanager
def _decrypted(file: Path, identity: pyrage.x25519.Identity) -> Generator[IO[bytes], None, None]:
    """The tar as it is decrypted. Raises RestoreFailed for what this identity does not open, or what was changed."""
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def decrypt() -> None:
        try:
            with os.fdopen(writing, "wb") as pipe, file.open("rb") as sealed:
                pyrage.decrypt_io(sealed, pipe, [identity])
        except (pyrage.DecryptError, OSError) as error:
            failed.append(error)

    teller = threading.Thread(target=decrypt)
    teller.start()
    damaged: tarfile.TarError | None = None
    try:
        with os.fdopen(reading, "rb") as pipe:
            yield pipe
            while pipe.read(PIECE):
                pass  # the last pieces are looked at too, though no tar is in them
    except tarfile.TarError as error:
        damaged = error
    finally:
        teller.join()
    if failed or damaged:
        raise RestoreFailed(f"{file}: does not open: {failed[0] if failed else damaged}")


def _is_ours(name: str) -> bool:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return False
    return name in (DUMP, BUS, MANIFEST) or (len(path.parts) > 1 and path.parts[0] in ("db", POLICIES, *FOLDERS))


def _written(data: IO[bytes], path: Path) -> str:
    """Its SHA-256, hexadecimal."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        while piece := data.read(PIECE):
            digest.update(piece)
            copy.write(piece)
    return digest.hexdigest()


def _demand_usable(manifest: Mapping[str, Any], opened: Path, settings: Settings, now: datetime) -> None:
    """Raise RestoreFailed for a backup that policy lets live no longer, or of other engines than the settings name."""
    until = datetime.fromisoformat(manifest["delete_after"])
    if until <= now:
        raise RestoreFailed(f"policy let this backup live until {until:%Y-%m-%d} ([copies] backups, G1): delete it")
    if settings.database and not (opened / DUMP).exists():
        raise RestoreFailed(f"it holds embedded databases: {PREFIX}DATABASE must be empty")
    if not settings.database and (opened / DUMP).exists():
        raise RestoreFailed(f"it holds a PostgreSQL database: {PREFIX}DATABASE must name its administrator")
    if settings.bus and (opened / BUS).exists():
        raise RestoreFailed(
            f"it holds the embedded bus, with events that nobody has handled: {PREFIX}BUS must be empty"
        )


def _differing_policies(settings: Settings, opened: Path) -> list[str]:
    """Profiles are installed with the program; those that were in force otherwise are kept for comparison."""
    ours = {path.name: path.read_bytes() for path in settings.policies.glob("*.toml")}
    were = {path.name: path.read_bytes() for path in (opened / POLICIES).glob("*.toml")}
    differing = sorted(name for name in ours.keys() | were.keys() if ours.get(name) != were.get(name))
    if not differing:
        return []
    place = settings.var / f"{POLICIES}-of-the-backup"
    (opened / POLICIES).rename(place)
    return [f"{', '.join(differing)} in {settings.policies} are not what they were: compare them with {place}"]


async def _put(settings: Settings, opened: Path, passwords: Mapping[str, str]) -> None:
    if settings.database:
        await _put_database(settings.database, opened / DUMP, passwords)
    if settings.objects:
        store = open_objects(settings)
        for name, path in _files(opened / "objects"):
            await store.create(name, path.read_bytes())
    for name in PLACES:
        if (opened / name).exists() and not (name == "objects" and settings.objects):
            (opened / name).rename(settings.var / name)


async def _put_database(url: str, dump: Path, passwords: Mapping[str, str]) -> None:
    services = [service(name) for name in NAMES]
    await make_roles(url, services, passwords, dumps.schemas(dump))
    try:
        await asyncio.to_thread(dumps.restore, url, dump)
    except dumps.DumpFailed as error:
        raise RestoreFailed(f"{error}; the database is half restored: drop it before another try") from error
    await provision(url, services, passwords)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path


def run(file: Path, identity: Path, passwords: Path | None) -> int:
    """The command; its exit status."""
    try:
        with scratch.unwinding():
            secrets = migrating.read_passwords(passwords) if passwords else {}
            for line in restore(file, identity, secrets, now=datetime.now(UTC)):
                print(line)  # noqa: T201
    except scratch.Ended:
        print("platekeeper: not restored: told to end", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGTERM
    except (RestoreFailed, dumps.DumpFailed, *migrating.ON_POSTGRESQL) as error:
        print(f"platekeeper: not restored: {migrating.why(error)}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
