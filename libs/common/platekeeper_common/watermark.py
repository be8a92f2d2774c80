"""Every answer to a person says to whom it was given and when: what screens and exports show of it (clause H1)."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platekeeper_common.caller import Caller
from platekeeper_common.clock import Clock

HEADER = "Watermark"


class Watermark:
    """ASGI middleware around the routes, inside of what finds out who calls."""

    def __init__(self, app: ASGIApp, *, clock: Clock) -> None:
        """`clock` says when."""
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and mark what a person gets."""
        caller: Caller | None = scope["state"].get("caller") if scope["type"] == "http" else None
        if caller is None or caller.kind == "device":
            await self._app(scope, receive, send)
            return
        mark = text(caller, self._clock)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = mark
            await send(message)

        await self._app(scope, receive, marked)


def text(caller: Caller, clock: Clock) -> str:
    """Username, agency and the moment in UTC, `iris pomona-pd 2026-11-22T18:00:00Z`: in ASCII, as headers are."""
    moment = clock().replace(microsecond=0, tzinfo=None).isoformat()
    return f"{caller.username} {caller.agency_id} {moment}Z".encode("ascii", "backslashreplace").decode()
