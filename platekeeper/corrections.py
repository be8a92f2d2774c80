"""`platekeeper corrections export`: corrected pictures as training data, through the running platform's API."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platekeeper import client, terminal
from platekeeper.client import TROUBLE, Session

AT = "/v1/corrections/export"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Where the file goes, as whom, and the query in the API's own words."""

    url: str
    ca: Path | None
    username: str
    out: Path
    parameters: Mapping[str, str]


async def run(asked: Asked) -> int:
    """Export; the exit status. Nothing is left at `out` when it fails."""
    try:
        async with client.connect(asked.url, asked.ca) as http:
            terminal.say(await export(await terminal.log_in(http, asked.username), asked))
    except (*TROUBLE, zipfile.BadZipFile) as error:
        terminal.complain(error)
        return 2
    return 0


async def export(session: Session, asked: Asked) -> str:
    """Write the file and say what is in it. Raises ApiError, OSError, BadZipFile for one that broke off."""
    if asked.out.exists():
        raise FileExistsError(f"{asked.out} is there already")
    part = asked.out.with_name(f".{asked.out.name}.part")
    try:
        with part.open("wb") as file:
            await session.download(AT, file, **asked.parameters)
        with zipfile.ZipFile(part) as archive:
            told = archive.read("README.txt").decode()
        part.rename(asked.out)
    finally:
        part.unlink(missing_ok=True)
    return f"{asked.out}:\n{told}"
