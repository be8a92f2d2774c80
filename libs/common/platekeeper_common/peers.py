"""Calls from service to service: a URL in a cluster, the neighbour's app itself in one process."""

from collections.abc import Callable
from typing import Any

import httpx

AppOf = Callable[[str], Any]
"""Answers the ASGI app of a service of this process; raises KeyError when it does not run here."""


class Peers:
    """The neighbours, by service name."""

    def __init__(self, app_of: AppOf, *, seconds: float) -> None:
        """`seconds` bounds every call."""
        self._app_of = app_of
        self._seconds = seconds

    def client(self, service: str) -> httpx.AsyncClient:
        """A client of that service, to be closed by the caller. Raises OSError when nobody serves it."""
        try:
            app = self._app_of(service)
        except KeyError as error:
            raise ConnectionError(f"no {service} in this process") from error
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=f"http://{service}", timeout=self._seconds)

    async def json(self, service: str, path: str) -> dict[str, Any]:
        """A JSON document of the neighbour. Raises OSError when it cannot be had."""
        try:
            async with self.client(service) as client:
                answer = await client.get(path)
                answer.raise_for_status()
                document: dict[str, Any] = answer.json()
        except httpx.HTTPError as error:
            raise ConnectionError(f"{service} does not answer {path}") from error
        return document
