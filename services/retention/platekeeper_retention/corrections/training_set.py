"""A ZIP of corrected pictures in the form that `services/recognition/training` learns from, written as it is sent.

`labels.csv` (file, plate, x, y, w, h) names the pictures in `images/`, `regions.csv` (file, region) the issuing states
that officers named, `no_plates.csv` (file) the pictures in `no-plates/`, in which there is none. The pictures are the
crops as they were kept of the versions that officers saw, pixel for pixel, with a comment that says to whom they were
given (H1).
"""

import csv
import io
import struct
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, cast

from platekeeper_common import plates, watermark
from platekeeper_common.errors import Gone
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import Box, PlateRead
from platekeeper_retention.corrected import Correction
from platekeeper_retention.domain import KeptRead

MEDIA_TYPE = "application/zip"
ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
LEFT_OUT = {
    "past_retention": "reads whose time of keeping is over",
    "without_crop": "reads that came without a crop",
    "place_unknown": "crops from the rim of a frame, in which the plate's place was not kept",
    "destroyed": "crops that have been destroyed",
    "altered": "crops that are not what was kept",
}
Fetch = Callable[[ImageReference], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Example:
    """What an officer said, and the read in the version of which it was said; it has a crop."""

    said: Correction
    kept: KeptRead
    crop: ImageReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is given away, to whom, when and for what."""

    examples: Sequence[Example]
    left_out: Mapping[str, int]
    """How many were left out from the start, by the codes of LEFT_OUT."""
    agency: str
    mark: str
    """To whom and when, as `watermark.text` says it."""
    purpose: str
    record_id: str
    now: datetime


@dataclass(slots=True)
class _Written:
    labels: list[tuple[object, ...]] = field(default_factory=list)
    regions: list[tuple[str, str]] = field(default_factory=list)
    no_plates: list[tuple[str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    due: datetime | None = None
    """When the first of the reads is due to be destroyed."""


class _Pieces(io.RawIOBase):
    """Where the archive is written to, a piece at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def choose(
    found: Sequence[tuple[Correction, KeptRead | None]], now: datetime
) -> tuple[list[Example], Mapping[str, int]]:
    """What may be given away of what was corrected, and how much may not, by the codes of LEFT_OUT."""
    examples, left_out = [], Counter[str]()
    for said, kept in found:
        if kept is None or kept.retain_until <= now:
            left_out["past_retention"] += 1
        elif kept.read.crop is None or kept.read.crop.media_type not in ENDINGS:
            left_out["without_crop"] += 1
        else:
            examples.append(Example(said, kept, kept.read.crop))
    return examples, left_out


async def pack(given: Given, fetch: Fetch) -> AsyncIterator[bytes]:
    """The archive, piece by piece; a crop that is there no more is left out and counted. Raises Unavailable."""
    pieces, written = _Pieces(), _Written(left_out=Counter(given.left_out))
    with zipfile.ZipFile(cast(IO[bytes], pieces), "w", zipfile.ZIP_DEFLATED) as archive:
        for example in given.examples:
            if (data := await _crop(example, fetch, written)) is not None:
                _put(archive, example, watermark.within(data, given.mark), given.now, written)
                yield pieces.take()
        _put_table(archive, "labels.csv", ("file", "plate", "x", "y", "w", "h"), written.labels, given.now)
        _put_table(archive, "regions.csv", ("file", "region"), written.regions, given.now)
        _put_table(archive, "no_plates.csv", ("file",), written.no_plates, given.now)
        archive.writestr(_entry("README.txt", given.now), _readme(given, written))
    yield pieces.take()


async def _crop(example: Example, fetch: Fetch, written: _Written) -> bytes | None:
    try:
        return await fetch(example.crop)
    except Gone:
        written.left_out["destroyed"] += 1
    except ValueError:
        written.left_out["altered"] += 1
    return None


def _put(archive: zipfile.ZipFile, example: Example, data: bytes, now: datetime, written: _Written) -> None:
    said, kept = example.said, example.kept
    name = f"{kept.read.id}.{ENDINGS[example.crop.media_type]}"
    if said.plate is None:
        folder = "no-plates"
        written.no_plates.append((name,))
    else:
        folder = "images"
        if (place := _place(kept.read, data)) is None:
            written.left_out["place_unknown"] += 1
            return
        written.labels.append((name, said.plate, *place))
        if said.state in plates.STATES and said.state != "US":
            written.regions.append((name, f"us-{said.state.lower()}"))
    archive.writestr(_entry(f"{folder}/{name}", now, zipfile.ZIP_STORED), data)
    written.due = min(kept.retain_until, written.due or kept.retain_until)


def _place(read: PlateRead, crop: bytes) -> tuple[int | str, ...] | None:
    """The cells that say where in its crop a read's plate lies: empty when the crop is the plate; None: not known."""
    if read.source != "recognition" or read.box is None:
        return ("",) * 4
    if (shown := read.crop_box or _cut_evenly(read.box, picture_size(crop))) is None:
        return None
    return read.box.x - shown.x, read.box.y - shown.y, read.box.width, read.box.height


def _cut_evenly(box: Box, size: tuple[int, int] | None) -> Box | None:
    """What a crop from before reads said what theirs show has of the frame; None: the frame's rim cut it off somewhere.

    A crop of ours shows as much of the frame on all four sides of the box, as far as the frame goes.
    """
    if size is None:
        return None
    around, odd = divmod(size[0] - box.width, 2)
    if odd or size[1] - box.height != 2 * around or not 0 <= around <= min(box.x, box.y):
        return None
    return Box(box.x - around, box.y - around, *size)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels by the header of a JPEG (ITU T.81 B.2.2) or PNG; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    place = 2
    while data.startswith(b"\xff\xd8") and place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        place += 2 + length
    return None


def _put_table(
    archive: zipfile.ZipFile, name: str, header: Sequence[str], rows: Sequence[tuple[object, ...]], now: datetime
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    archive.writestr(_entry(name, now), text.getvalue())


def _readme(given: Given, written: _Written) -> str:
    left_out = [f"- {written.left_out[code]} {words}" for code, words in LEFT_OUT.items() if written.left_out[code]]
    lines = [
        f"Corrected licence plate reads of {given.agency}: what officers say is in the pictures.",
        "",
        f"Given to {given.mark} for the purpose {given.purpose}; access record {given.record_id}.",
        "labels.csv: the pictures in images/, with the plate and where in them it lies (pixels; empty: all of it).",
        "That is the box that was read; an engine that finds lines of text boxes the serial alone.",
        "regions.csv: the issuing states that officers named. no_plates.csv: pictures in no-plates/ that show none.",
        f"{len(written.labels)} plates, {len(written.no_plates)} pictures without one.",
        *(["Left out:", *left_out] if left_out else []),
        "",
        "This is plate data of the agency, for training a recogniser and nothing else. Keep it as closely as the",
        "platform does, and no longer: what is taken away must be destroyed when its read is.",
    ]
    if written.due is not None:
        lines.append(
            f"The first read is due on {written.due:%Y-%m-%d}: delete this file then, and export what is left anew."
        )
    return "\n".join(lines) + "\n"


def _entry(name: str, now: datetime, how: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, now.timetuple()[:6])
    entry.compress_type = how
    entry.external_attr = 0o600 << 16
    return entry
