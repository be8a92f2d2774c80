"""`platekeeper dlq`: an administrator's look at dead letters, through the running platform's API."""

import getpass
import sys
from typing import Any

import httpx

from platekeeper import client
from platekeeper.client import ApiError, Session


async def run(url: str, username: str, act: str, service: str | None, letter_id: str | None) -> int:
    """List, show or retry; the exit status."""
    try:
        async with client.connect(url) as http:
            session = await _log_in(http, username)
            if act == "list":
                names = [service] if service else await _services(http)
                for name in names:
                    await _list(session, name)
                return 0
            shown = await _one(session, act, f"/v1/dead-letters/{service}/{letter_id}")
            for name, value in shown.items():
                _say(f"{name:<13}{value}")
            return 1 if shown.get("outcome") == "failed" else 0
    except (ApiError, httpx.TransportError, EOFError) as error:
        print(f"platekeeper: {error or 'no password was given'}", file=sys.stderr)  # noqa: T201
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
    _say(f"{service}: {len(letters)} dead letter{'' if len(letters) == 1 else 's'}")
    for letter in letters:
        _say(f"  {letter['id']}  {letter['at']}  {letter['topic']}  {letter['attempts']} attempts  {letter['reason']}")


async def _services(http: httpx.AsyncClient) -> list[str]:
    answer = await http.get("/", headers={"Accept": "application/json"})
    return [service["name"] for service in answer.json()]


async def _log_in(http: httpx.AsyncClient, username: str) -> Session:
    """Ask for what the login needs, step by step. Raises ApiError when it is refused for good."""
    password = _ask(f"Password of {username}: ")
    more: dict[str, str] = {}
    while True:
        session = client.person(http, username, password, **more)
        try:
            await session.log_in()
        except ApiError as error:
            if error.code == "second_factor_required" and "code" not in more:
                more["code"] = _ask("Code of your authenticator: ")
            elif error.code == "password_change_required" and "new_password" not in more:
                more["new_password"] = _ask("This password was for once. Your new password: ")
            else:
                raise
        else:
            return session


def _ask(prompt: str) -> str:
    """An answer that is not shown; a line of standard input when that is no terminal."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    if line := sys.stdin.readline():
        return line.rstrip("\n")
    raise EOFError


def _say(line: str) -> None:
    print(line)  # noqa: T201
