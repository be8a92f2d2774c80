"""A request is heard out before it is answered: so the answer arrives, and the connection is fit for the next request.

A caller who still writes while we close reads a reset and not our answer (RFC 9112 9.6). A connection on which a body
is left half read is worse: HAProxy 2.6 takes it for idle once it is answered, and another caller's request is eaten as
the rest of that body.
"""

import asyncio
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_DISCARDED = 16_000_000
"""Bytes: more than the longest frame."""
LONGEST_SILENCE = 2.0
LONGEST = 30.0
"""Seconds that we wait for the next bytes, and for all of them."""


class HeardOut:
    """Discards what `app` did not read of a body before it lets the answer begin.

    What is longer, or does not come, is not waited for: the answer then says that the connection closes.
    """

    def __init__(self, app: ASGIApp) -> None:
        """In front of everything, so that every answer is held to it."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as `app` does."""
        if scope["type"] == "http" and _announces_body(scope["headers"]):
            await _Listening(receive, send).run(self._app, scope)
        else:
            await self._app(scope, receive, send)


class _Listening:
    """One request with a body, and how much of it is still to come."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._more = True

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._received, self._sent)

    async def _received(self) -> Message:
        message = await self._receive()
        self._more = self._more and bool(message.get("more_body"))
        return message

    async def _sent(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._more:
            await self._discard()
            if self._more:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await self._send(message)

    async def _discard(self) -> None:
        discarded, loop = 0, asyncio.get_running_loop()
        ends = loop.time() + LONGEST
        try:
            while self._more and discarded < MOST_DISCARDED:
                async with asyncio.timeout_at(min(ends, loop.time() + LONGEST_SILENCE)):
                    discarded += len((await self._received()).get("body", b""))
        except TimeoutError:
            return


def _announces_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    told = dict(headers)
    return b"transfer-encoding" in told or told.get(b"content-length", b"0") != b"0"
