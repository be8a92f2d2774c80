"""What a bundle is made of, fetched as the auditor: the checkpoint, all records under it, then what proves them."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import httpx

from platekeeper.client import ApiError, Session

PAGE = 1_500
KEPT_A_DAY = "%Y-%m-%d %H"
"""Of the checkpoints within the period the last of each hour goes along; the one that all is proved by always does."""


@dataclass(frozen=True, slots=True)
class Period:
    """`start` <= at < `end`, aware."""

    start: datetime
    end: datetime


@dataclass
class Records:
    """The chosen records in a file, in the order in which they came, and where each lies by its position."""

    file: IO[bytes]
    mark: str = ""
    """To whom and when the platform gave them (H1)."""
    places: list[tuple[int, int, int]] = field(default_factory=list)
    """Position, offset and length of each."""

    def add(self, line: bytes) -> None:
        """Take a line of the export."""
        position = json.loads(line)["leaf"]["position"]
        self.places.append((position, self.file.tell(), len(line)))
        self.file.write(line)

    def under(self, size: int) -> int:
        """Leave out those that the tree of this size does not hold yet; how many."""
        before = len(self.places)
        self.places = sorted(place for place in self.places if place[0] < size)
        return before - len(self.places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records by position."""
        for _, offset, length in self.places:
            self.file.seek(offset)
            yield json.loads(self.file.read(length))


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that a bundle holds; `unsigned`: records so new that no checkpoint holds them yet."""

    period: Period
    records: Records
    latest: dict[str, Any]
    checkpoints: list[dict[str, Any]]
    beside: dict[str, Any]
    whole: dict[str, Any]
    leaves: Path
    unsigned: int


async def gather(session: Session, period: Period, folder: Path, file: IO[bytes]) -> Gathered:
    """Fetch the records into the open file and the leaves into the folder. Raises ApiError when it is refused."""
    records = Records(file)
    latest = await session.get("/v1/checkpoints/latest")
    if not latest["size"]:
        raise ApiError(404, "nothing_signed", "no record has been signed yet")
    bounds = {"from": period.start.isoformat(), "to": period.end.isoformat()}
    async for line in _stream(session, "/v1/access-records/export", bounds, marked=records):
        records.add(line)
    unsigned = records.under(latest["size"])
    first, end = (
        (records.places[0][0], records.places[-1][0] + 1) if records.places else (latest["size"], latest["size"])
    )
    run = {"start": str(first), "end": str(end), "size": str(latest["size"])}
    whole = await session.get("/v1/proofs/period", **bounds, size=str(latest["size"]))
    beside = await session.get("/v1/proofs/range", **run)
    leaves = folder / "leaves"
    with leaves.open("wb") as out:
        async for line in _stream(session, "/v1/access-records/leaves", run):
            out.write(line)
    checkpoints = [one async for one in _checkpoints(session, first, end)]
    return Gathered(period, records, latest, checkpoints, beside, whole, leaves, unsigned)


async def _stream(
    session: Session, path: str, parameters: dict[str, str], marked: Records | None = None
) -> AsyncIterator[bytes]:
    """The lines of an export, whose mark `marked` keeps. Raises ApiError."""
    request = session.http.stream("GET", path, params=parameters, headers=await session.headers())
    async with request as answer:
        if answer.is_error:
            await answer.aread()
            told = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
            raise ApiError(answer.status_code, told.get("code", "no_answer"), told.get("detail", answer.reason_phrase))
        if marked is not None:
            marked.mark = answer.headers["watermark"]
        rest = b""
        async for piece in answer.aiter_bytes():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line + b"\n"
        if rest:
            raise httpx.RemoteProtocolError("the export ended within a line", request=answer.request)


async def _checkpoints(session: Session, first: int, end: int) -> AsyncIterator[dict[str, Any]]:
    """The last checkpoint of each hour whose tree ends within the run of leaves, newest first."""
    cursor: dict[str, str] = {}
    hour = None
    while True:
        page = await session.get("/v1/checkpoints", limit=str(PAGE), **cursor)
        for one in page["checkpoints"]:
            if one["size"] < first or one["size"] == 0:
                return
            signed = datetime.fromisoformat(one["signed_at"])
            if one["size"] <= end and signed.strftime(KEPT_A_DAY) != hour:
                hour = signed.strftime(KEPT_A_DAY)
                yield one
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": str(page["next_cursor"])}
