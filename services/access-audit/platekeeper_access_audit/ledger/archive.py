"""The write-once folder or bucket of checkpoints, a file each: `2026-11-22/18-00-00-0000000000000042.txt` (UTC, size).

A file holds the signed note and nothing else. It is made once and never over; outside copies of the folder, or a bucket
that lets nobody delete, are what an insider cannot reach. Names sort by the time of signing.
"""

import asyncio
import contextlib
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from platekeeper_common.stores import Store

WIDTH = 16
"""Digits of a size in a name, so that names of one second sort by size."""
COSIGNED = ".cosigned.txt"
"""How the name of a file ends that witnesses' lines follow in; beside it lies the checkpoint without them."""


class Archive:
    """Where checkpoints are kept, each once: a folder of this machine, or a bucket."""

    def __init__(self, place: Path | Store) -> None:
        """A folder is made when a checkpoint is."""
        self._place = place

    async def keep(self, note: str, *, size: int, signed_at: datetime) -> None:
        """Keep a checkpoint durably. Raises FileExistsError when another is there, OSError or Unavailable."""
        if isinstance(self._place, Path):
            await asyncio.to_thread(keep, self._place, note, size=size, signed_at=signed_at)
        else:
            await self._put(self._place, _name(size, signed_at), note)

    async def keep_cosigned(self, note: str, *, size: int, signed_at: datetime) -> None:
        """Keep a checkpoint with the lines of its witnesses, unless one is kept. Raises OSError or Unavailable."""
        name = _name(size, signed_at).removesuffix(".txt") + COSIGNED
        with contextlib.suppress(FileExistsError):
            if isinstance(self._place, Path):
                await asyncio.to_thread(_write, self._place / name, note)
            else:
                await self._put(self._place, name, note)

    async def newest(self) -> str | None:
        """The note that was kept last, without witnesses; None when there is none. Raises OSError or Unavailable."""
        if isinstance(self._place, Path):
            return await asyncio.to_thread(newest, self._place)
        for day in reversed(await self._place.folders()):
            names = [name for name in await self._place.names(day) if not name.endswith(COSIGNED)]
            if names and (note := await self._place.read(f"{day}/{names[-1]}")) is not None:
                return note.decode()
        return None

    async def _put(self, store: Store, name: str, note: str) -> None:
        if not await store.create(name, note.encode()) and await store.read(name) != note.encode():
            raise FileExistsError(f"another checkpoint is kept as {name}")


def keep(folder: Path, note: str, *, size: int, signed_at: datetime) -> Path:
    """Write a checkpoint durably; a reader sees the whole file or none.

    Keeping the same bytes again is the same as once. Raises FileExistsError when others are there, and OSError.
    """
    path = folder / _name(size, signed_at)
    _write(path, note)
    _sync(folder)
    return path


def _name(size: int, signed_at: datetime) -> str:
    moment = signed_at.astimezone(UTC)
    return f"{moment:%Y-%m-%d}/{moment:%H-%M-%S}-{size:0{WIDTH}}.txt"


def _write(path: Path, note: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        if path.read_bytes() != note.encode():
            raise
    finally:
        part.unlink(missing_ok=True)
    _sync(path.parent)


def newest(folder: Path) -> str | None:
    """The note that was kept last; None when the folder has none."""
    for day in sorted(folder.glob("????-??-??"), reverse=True):
        if names := sorted(path for path in day.glob("*.txt") if not path.name.endswith(COSIGNED)):
            return names[-1].read_text(encoding="utf-8")
    return None


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
