"""Calls from service to service: a URL in a cluster, the neighbour's app itself in one process."""

from collections.abc import Callable
from typing import Any

import httpx

AppOf = Callable[[str], Any]
"""Answers the ASGI app of a service of this process; raises KeyError when it does not run here."""
UrlOf = Callable[[str], str | None]
"""Answers the URL of a service of another process; None when none is known."""
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3)
"""Connections to all neighbours together; an idle one is given up before the neighbour (uvicorn: 5 s) does so."""


class Peers:
    """The neighbours, by service name. One pool of connections serves every call; `aclose` lets go of them."""

    def __init__(self, app_of: AppOf, *, seconds: float, url_of: UrlOf = lambda _: None) -> None:
        """`seconds` bounds every wait of a call: for a connection, for a byte."""
        self._app_of = app_of
        self._url_of = url_of
        self._seconds = seconds
        self._pool: httpx.AsyncHTTPTransport | None = None

    def client(self, service: str) -> httpx.AsyncClient:
        """A client of that service, to be closed by the caller. Raises OSError when nobody serves it."""
        transport: httpx.AsyncBaseTransport
        try:
            transport = httpx.ASGITransport(app=self._app_of(service), raise_app_exceptions=False)
            url = f"http://{service}"
        except KeyError as error:
            if (known := self._url_of(service)) is None:
                raise ConnectionError(f"no {service} in this process, and PLATEKEEPER_NEIGHBOURS names none") from error
            transport, url = _Lent(self._pooled()), known
        return httpx.AsyncClient(transport=transport, base_url=url, timeout=self._seconds)

    async def json(self, service: str, path: str) -> dict[str, Any]:
        """A JSON document of the neighbour. Raises OSError when it cannot be had."""
        try:
            async with self.client(service) as client:
                answer = await client.get(path)
                answer.raise_for_status()
                document: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ConnectionError(f"{service} does not answer {path}") from error
        return document

    async def aclose(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.aclose()

    def _pooled(self) -> httpx.AsyncHTTPTransport:
        if self._pool is None:
            # Proxies of the environment are not used: a transport of our own knows none.
            self._pool = httpx.AsyncHTTPTransport(limits=LIMITS, retries=1)
        return self._pool


class _Lent(httpx.AsyncBaseTransport):
    """The pool in the hands of one client, which does not close it."""

    def __init__(self, pool: httpx.AsyncHTTPTransport) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._pool.handle_async_request(request)
