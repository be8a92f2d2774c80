"""`platekeeper dlq`: an administrator's look at dead letters, through the running platform's API."""

from pathlib import Path
from typing import Any

import httpx

from platekeeper import client, terminal
from platekeeper.client import TROUBLE, ApiError, Session


async def run(
    url: str, authority: Path | None, username: str, act: str, service: str | None, letter_id: str | None
) -> int:
    """List, show, retry or discard; the exit status."""
    try:
        async with client.connect(url, authority) as http:
            session = await terminal.log_in(http, username)
            if act == "list":
                names = [service] if service else await _services(http)
                for name in names:
                    await _list(session, name)
                return 0
            if act == "discard":
                await session.request("DELETE", f"/v1/dead-letters/{service}/{letter_id}")
                terminal.say(f"{letter_id} is discarded; a record of it is kept")
                return 0
            shown = await _one(session, act, f"/v1/dead-letters/{service}/{letter_id}")
            for name, value in shown.items():
                terminal.say(f"{name:<13}{value}")
            return 1 if shown.get("outcome") == "failed" else 0
    except TROUBLE as error:
        terminal.complain(error)
        return 1


async def _one(session: Session, act: str, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = await (session.get(path) if act == "show" else session.post(f"{path}/retry"))
    return answer


async def _list(session: Session, service: str) -> None:
    try:
        letters = await session.get(f"/v1/dead-letters/{service}")
    except ApiError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return  # this service consumes nothing
    terminal.say(f"{service}: {len(letters)} dead letter{'' if len(letters) == 1 else 's'}")
    for letter in letters:
        terminal.say(
            f"  {letter['id']}  {letter['at']}  {letter['topic']}  {letter['attempts']} attempts  {letter['reason']}"
        )


async def _services(http: httpx.AsyncClient) -> list[str]:
    answer = await http.get("/", headers={"Accept": "application/json"})
    return [service["name"] for service in answer.json()]
