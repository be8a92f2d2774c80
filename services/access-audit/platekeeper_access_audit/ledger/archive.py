"""The write-once folder of checkpoints: one file for each, `2026-11-22/18-00-00-0000000000000042.txt` (UTC, size).

A file holds the signed note and nothing else. It is made once and never over; outside copies of the folder are what
an insider cannot reach. Names sort by the time of signing.
"""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

WIDTH = 16
"""Digits of a size in a name, so that names of one second sort by size."""


def keep(folder: Path, note: str, *, size: int, signed_at: datetime) -> Path:
    """Write a checkpoint durably; a reader sees the whole file or none.

    Keeping the same bytes again is the same as once. Raises FileExistsError when others are there, and OSError.
    """
    moment = signed_at.astimezone(UTC)
    path = folder / f"{moment:%Y-%m-%d}" / f"{moment:%H-%M-%S}-{size:0{WIDTH}}.txt"
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
    for place in (path.parent, folder):
        _sync(place)
    return path


def newest(folder: Path) -> str | None:
    """The note that was kept last; None when the folder has none."""
    for day in sorted(folder.glob("????-??-??"), reverse=True):
        if names := sorted(day.glob("*.txt")):
            return names[-1].read_text(encoding="utf-8")
    return None


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
