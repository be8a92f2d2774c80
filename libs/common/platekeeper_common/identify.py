"""ASGI middleware in front of every route: who calls (from the bearer token), and how large a body may be."""

from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platekeeper_common.auth import Verifier
from platekeeper_common.bodies import Sent
from platekeeper_common.errors import PlatekeeperError, Unauthenticated


class Identify:
    """Leaves `state.caller` (or None), `state.stranger` (the error that the caller gets where one is needed),
    `state.sent` (what has arrived of the body) and `state.body_limit`, which a route that streams may raise before it
    reads.
    """

    def __init__(self, app: ASGIApp, *, verifier: Verifier, body_limit: int) -> None:
        """`body_limit` in bytes; a longer body is refused with 413 while it arrives."""
        self._app = app
        self._verifier = verifier
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Identify and pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["caller"], state["stranger"], state["sent"] = None, None, Sent(headers)
        state["body_limit"] = self._body_limit
        try:
            state["caller"] = await self._verifier.verify(_bearer(headers))
        except PlatekeeperError as error:
            state["stranger"] = error
        await self._app(scope, self._limited(headers, receive, scope), send)

    def _limited(self, headers: Headers, receive: Receive, scope: Scope) -> Receive:
        declared, state = headers.get("content-length", "0"), scope["state"]
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            limit = state["body_limit"]
            too_large = HTTPException(413, f"the body is over the limit of {limit} bytes")
            if declared.isdigit() and int(declared) > limit:
                raise too_large
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise too_large
            state["sent"].take(scope.get("route"), message)
            return message

        return limited


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("log in first", code="token_missing", clause="G2")
    return token
