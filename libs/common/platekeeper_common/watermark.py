"""Every answer to a person says to whom it was given and when: what screens and exports show of it (clause H1).

A header is lost when an answer is saved; `within` writes the same words into a picture.
"""

import struct
import zlib

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platekeeper_common.caller import Caller
from platekeeper_common.clock import Clock

HEADER = "Watermark"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_ENDS = len(_PNG) + 25


class Watermark:
    """ASGI middleware around the routes, inside of what finds out who calls.

    A route that writes the mark into its answer sets the header itself, so both say the same moment.
    """

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
                MutableHeaders(scope=message).setdefault(HEADER, mark)
            await send(message)

        await self._app(scope, receive, marked)


def text(caller: Caller, clock: Clock) -> str:
    """Username, agency and the moment in UTC, `iris pomona-pd 2026-11-22T18:00:00Z`: in ASCII, as headers are."""
    moment = clock().replace(microsecond=0, tzinfo=None).isoformat()
    return f"{caller.username} {caller.agency_id} {moment}Z".encode("ascii", "backslashreplace").decode()


def within(data: bytes, mark: str) -> bytes:
    """The picture with the mark in a comment of its own format. Not a pixel changes; other formats stay as they are.

    JPEG: a COM segment behind the application segments (ITU T.81 B.2.4.5). PNG: a tEXt chunk behind the header
    (PNG 11.3.4.3). WebP: a last chunk, which readers that do not know it pass over (RFC 9649 2.7).
    """
    said = mark.encode("ascii")
    if data.startswith(b"\xff\xd8\xff"):
        place = _behind_applications(data)
        return data[:place] + b"\xff\xfe" + struct.pack(">H", len(said) + 2) + said + data[place:]
    if data.startswith(_PNG):
        chunk = b"tEXt" + b"Comment\0" + said
        comment = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return data[:_PNG_HEADER_ENDS] + comment + data[_PNG_HEADER_ENDS:]
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        chunk = b"NOTE" + struct.pack("<I", len(said)) + said + b"\0" * (len(said) % 2)
        (size,) = struct.unpack_from("<I", data, 4)
        whole = data[: size + 8]
        return b"RIFF" + struct.pack("<I", size + len(chunk)) + whole[8:] + chunk
    return data


def _behind_applications(data: bytes) -> int:
    """Where in a JPEG its application segments (APP0 to APP15) end."""
    place = 2
    while data[place : place + 1] == b"\xff" and 0xE0 <= data[place + 1] <= 0xEF:
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return place
