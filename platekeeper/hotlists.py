"""`platekeeper hotlist import`: a CSV file into a hot list, through the running platform's API."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from tqdm import tqdm

from platekeeper import client, terminal
from platekeeper.client import TROUBLE, ApiError, Session

PIECE = 65_536
WATCH_SECONDS = 1.0
LAST_ROWS = httpx.Timeout(30, read=600, write=120)
"""The answer comes when the last row is in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The file, the list (by id or name) and how rows are to be taken, in the API's own words."""

    url: str
    ca: Path | None
    username: str
    file: Path
    hotlist: str
    parameters: Mapping[str, str]


async def run(asked: Asked) -> int:
    """Import with a progress bar and tell every refused row; 0 when none was, 1 when some were, 2 when it stopped."""
    try:
        with asked.file.open("rb") as file:
            async with client.connect(asked.url, asked.ca) as http:
                session = await terminal.log_in(http, asked.username)
                at = f"/v1/hotlists/{await _list_id(session, asked.hotlist)}/imports"
                return await _import(session, at, asked, file)
    except TROUBLE as error:
        terminal.complain(error)
        return 2


async def _import(session: Session, at: str, asked: Asked, file: BinaryIO) -> int:
    before = await _newest(session, at)
    lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(PIECE), b""))
    file.seek(0)
    with tqdm(total=max(0, lines - 1), unit="row", desc=asked.file.name, file=sys.stderr) as bar:
        watching = asyncio.create_task(_watch(session, at, before["id"] if before else None, bar))
        try:
            taken = await session.request(
                "POST",
                at,
                params=dict(asked.parameters),
                content=_pieces(file),
                headers={"Content-Type": "text/csv"},
                timeout=LAST_ROWS,
            )
        except (ApiError, httpx.TransportError):
            stopped = await _newest(session, at)
            if stopped is not None and (before is None or stopped["id"] != before["id"]):
                await _tell(session, at, stopped["id"])
            raise
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        bar.n = taken["rows"]
    return await _tell(session, at, taken["id"])


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


async def _watch(session: Session, at: str, before: str | None, bar: tqdm) -> None:
    """Move the bar to the rows that the platform has settled: sent is not yet taken."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        newest = await _newest(session, at)
        if newest is not None and newest["id"] != before:
            bar.update(newest["rows"] - bar.n)


async def _newest(session: Session, at: str) -> dict[str, Any] | None:
    imports: list[dict[str, Any]] = (await session.get(at))["imports"]
    return imports[0] if imports else None


async def _tell(session: Session, at: str, import_id: str) -> int:
    """Print the import and its refused rows; 1 when there are any."""
    shown: dict[str, Any] = await session.get(f"{at}/{import_id}")
    after: int | None = 0
    while after is not None:
        page = await session.get(f"{at}/{import_id}/rows", outcome="refused", after=str(after))
        for rows in page["rows"]:
            first, last = rows["first_row"], rows["last_row"]
            numbers = f"row {first}" if first == last else f"rows {first}-{last}"
            terminal.say(f"{numbers}: {rows['code']}: {rows['detail']}")
        after = page["next_after"]
    counted = ", ".join(f"{shown[what]} {what}" for what in ("added", "changed", "unchanged", "refused", "removed"))
    terminal.say(f"import {import_id} {shown['state']}: {shown['rows']} rows: {counted}")
    if shown["code"]:
        terminal.say(f"why it stopped: {shown['code']}: {shown['detail']}")
    if shown["removal_withheld"] and shown["rows"]:
        terminal.say("nothing was removed: what the refused rows meant is not known; mend them and import again")
    elif shown["removal_withheld"]:
        terminal.say("nothing was removed: the file has no rows")
    return 1 if shown["refused"] else 0


async def _list_id(session: Session, wanted: str) -> str:
    """The id of the list of this id or name. Raises ApiError."""
    for hotlist in (await session.get("/v1/hotlists"))["hotlists"]:
        if wanted in (hotlist["id"], hotlist["name"]):
            return str(hotlist["id"])
    raise ApiError(httpx.codes.NOT_FOUND, "hotlist_unknown", "your agency has no hot list of this id or name")
