"""Looks at the bytes of a picture: its kind and size from the header, then whether it is whole.

The size is judged before anything is decoded, so that a small file that claims a huge picture costs nothing.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from platekeeper_common.errors import Invalid, TooLarge

_DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
    *(struct.error, zlib.error),
)
"""What Pillow raises over bytes that break off or contradict themselves."""
_DRAFT = 8
"""A JPEG is decoded at an eighth of its size: enough to know that its data go on to the end."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole JPEG, PNG or WebP. `sha256` is hex, over the bytes as they came."""

    data: bytes
    media_type: str
    sha256: str


Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class _Format:
    media_type: str
    size: Callable[[bytes], Size]
    ended: Callable[[bytes], bool]
    plugin: type[ImageFile]


def look(data: bytes, *, max_bytes: int, max_pixels: int) -> Picture:
    """The picture in `data`; takes milliseconds, so not on the event loop.

    Raises TooLarge, or Invalid `image_invalid` (no JPEG, PNG or WebP), `image_too_many_pixels` (by its header) or
    `image_truncated` (cut off or damaged).
    """
    if len(data) > max_bytes:
        raise TooLarge(f"the image has {len(data)} bytes; up to {max_bytes} are taken")
    if (kind := _format(data)) is None:
        raise Invalid("the image is no JPEG, PNG or WebP", code="image_invalid")
    try:
        width, height = kind.size(data)
    except (IndexError, struct.error) as error:
        raise Invalid("the image breaks off within its header", code="image_truncated") from error
    if width < 1 or height < 1:
        raise Invalid("the image's header gives it no size", code="image_invalid")
    if width * height > max_pixels:
        detail = f"the image has {width} x {height} pixels; up to {max_pixels} are taken"
        raise Invalid(detail, code="image_too_many_pixels")
    if not kind.ended(data) or not _decodes(kind.plugin, data, (width, height)):
        raise Invalid("the image is cut off or damaged", code="image_truncated")
    return Picture(data, kind.media_type, hashlib.sha256(data).hexdigest())


def _format(data: bytes) -> _Format | None:
    if data.startswith(b"\xff\xd8\xff"):
        return _JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _WEBP
    return None


def _decodes(plugin: type[ImageFile], data: bytes, size: Size) -> bool:
    try:
        with plugin(BytesIO(data)) as image:
            if image.size != size:
                return False
            image.draft("L", (size[0] // _DRAFT, size[1] // _DRAFT))
            image.load()
    except _DAMAGED:
        return False
    return True


def _jpeg_size(data: bytes) -> Size:
    """From the first start of frame (ITU T.81, B.2.2); none before the scan is no size."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
        elif marker in (0xD9, 0xDA):
            break
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return 0, 0


def _png_size(data: bytes) -> Size:
    """From IHDR, which must come first (RFC 2083, 4.1.1)."""
    width, height = struct.unpack_from(">II", data, 16)
    return (width, height) if data[12:16] == b"IHDR" else (0, 0)


def _webp_size(data: bytes) -> Size:
    """From the first chunk: canvas, lossy or lossless bitstream (RFC 9649, 2.5 to 2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        packed = int.from_bytes(struct.unpack_from("6s", data, 24)[0], "little")
        return (packed & 0xFFFFFF) + 1, (packed >> 24) + 1
    if chunk == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _riff_is_all_there(data: bytes) -> bool:
    return len(data) >= 8 + int(struct.unpack_from("<I", data, 4)[0])


_JPEG = _Format("image/jpeg", _jpeg_size, lambda data: b"\xff\xd9" in data, JpegImageFile)
_PNG = _Format("image/png", _png_size, lambda data: b"IEND\xaeB`\x82" in data, PngImageFile)
_WEBP = _Format("image/webp", _webp_size, _riff_is_all_there, WebPImageFile)
