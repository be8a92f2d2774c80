"""A client of the public API, for our own commands: what it can do, anyone with an account can do."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from platekeeper import trust
from platekeeper_common.settings import SettingsError


class ApiError(Exception):
    """The platform refused; `code` and `detail` are those of its problem document, `told` is all of it."""

    def __init__(self, status: int, code: str, detail: str, told: Mapping[str, Any] | None = None) -> None:
        """Say what the platform said."""
        super().__init__(f"{code} ({status}): {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.told = dict(told or {})


TROUBLE = (ApiError, httpx.TransportError, httpx.InvalidURL, SettingsError, EOFError, OSError)
"""What a command tells in one line: refused, not reached, not believed, or nobody answered its questions."""


@dataclass
class Login:
    """How a session gets its token again: the path and body of a login."""

    path: str
    body: dict[str, Any]


class Session:
    """Requests under one login; the token is renewed a minute before it ends, by the session's refresh token if it can.

    Where it cannot, because the session has ended or was idle, the login is done again.
    """

    def __init__(self, http: httpx.AsyncClient, login: Login | None = None, token: str | None = None) -> None:
        """Use either a login or a token that was given."""
        self.http = http
        self._login = login
        self._token = token
        self._refresh_token: str | None = None
        self._device: dict[str, str] = {}
        self._until = datetime.max.replace(tzinfo=UTC)

    async def log_in(self) -> None:
        """Get a token. Raises ApiError (`second_factor_required`, `password_change_required`, ...)."""
        if self._login is None:
            return
        self._take(_document(await self.http.post(self._login.path, json=self._login.body | self._device)))

    def _take(self, answer: dict[str, Any]) -> None:
        self._token, self._refresh_token = answer["access_token"], answer.get("refresh_token")
        if answer.get("device_token"):
            self._device = {"device_token": answer["device_token"]}
        self._until = datetime.now(UTC) + timedelta(seconds=answer["expires_in"] - 60)

    async def _renew(self) -> None:
        if self._refresh_token is not None:
            answer = await self.http.post("/v1/session/refresh", json={"refresh_token": self._refresh_token})
            if answer.is_success:
                self._take(answer.json())
                return
        await self.log_in()

    async def headers(self) -> dict[str, str]:
        """The Authorization header, with a fresh token when the last is about to end."""
        if self._token is None or datetime.now(UTC) > self._until:
            await self._renew()
        return {"Authorization": f"Bearer {self._token}"}

    async def request(self, method: str, path: str, **more: Any) -> Any:
        """The answer's JSON. Raises ApiError when the platform refuses."""
        headers = {**await self.headers(), **more.pop("headers", {})}
        return _document(await self.http.request(method, path, headers=headers, **more))

    async def get(self, path: str, **parameters: str) -> Any:
        """GET with query parameters."""
        return await self.request("GET", path, params=parameters)

    async def download(self, path: str, to: BinaryIO, **parameters: str) -> None:
        """GET what is larger than a document, written as it comes. Raises ApiError when the platform refuses."""
        headers = await self.headers()
        async with self.http.stream("GET", path, params=parameters, headers=headers) as answer:
            if answer.is_error:
                await answer.aread()
                _document(answer)
            async for piece in answer.aiter_bytes():
                to.write(piece)

    async def post(self, path: str, body: Any = None) -> Any:
        """POST a JSON body."""
        return await self.request("POST", path, json=body)


@asynccontextmanager
async def connect(url: str, authority: Path | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the platform at `url`; proxies of the environment are not used.

    `authority`: the file (PEM) of who vouches for its certificate, where `trust.context` is not to find that out.
    Raises SettingsError for a file that holds none.
    """
    believed = trust.context(url, authority)
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, verify=believed) as http:
        yield http


def person(http: httpx.AsyncClient, username: str, password: str, **more: str) -> Session:
    """The session of a person; `more` are `code`, `new_password` or `accept_policy`."""
    return Session(http, Login("/v1/login", {"username": username, "password": password, **more}))


def device(http: httpx.AsyncClient, device_id: str, secret: str) -> Session:
    """The session of a device."""
    return Session(http, Login("/v1/device-tokens", {"device_id": device_id, "secret": secret}))


def _document(answer: httpx.Response) -> Any:
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        body = None
    if answer.is_error:
        told = body if isinstance(body, dict) else {}
        code, detail = told.get("code", "no_answer"), told.get("detail", answer.reason_phrase)
        raise ApiError(answer.status_code, code, detail, told)
    return body
