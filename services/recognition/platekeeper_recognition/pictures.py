"""Pictures in memory: decoding, cutting out, encoding."""

import io
from typing import cast

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from platekeeper_common.events.recognition import Box
from platekeeper_recognition.engines.protocol import Area, Picture, Spot

_FORMATS = ("JPEG", "PNG", "WEBP")
_JPEG_QUALITY = 90
_AROUND_PLATE = 0.03
WIDER = 0.1
"""Around a box for its reader, in widths and heights of it, and for its second look: chosen on held-back photographs,
within what it learnt."""
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each EXIF orientation upright."""


class Undecodable(ValueError):
    """The bytes are no picture that can be read; says why in a few words, with a stable code before a colon."""


def decode(data: bytes, *, max_pixels: int) -> Picture:
    """The JPEG, PNG or WebP picture, upright as its EXIF orientation says. Raises Undecodable."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            _refuse_too_large(opened, max_pixels)
            upright = _in_eight_bits(_upright(opened)).convert("RGB")
    except UnidentifiedImageError as error:
        raise Undecodable("not_an_image: neither JPEG, PNG nor WebP") from error
    except (Undecodable, MemoryError):
        raise
    except Exception as error:  # whatever Pillow makes of a damaged file: it has no class of its own for that
        raise Undecodable(f"image_damaged: {type(error).__name__} while decoding") from error
    return np.ascontiguousarray(np.asarray(upright)[:, :, ::-1])


def straighten(picture: Picture, area: Area) -> Picture:
    """The area as an upright rectangle."""
    corners = np.array(area.corners, dtype=np.float32)
    width = max(1, round(max(_length(corners, 0, 1), _length(corners, 3, 2))))
    height = max(1, round(max(_length(corners, 0, 3), _length(corners, 1, 2))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    turn = cv2.getPerspectiveTransform(corners, target)
    return cast(
        Picture,
        cv2.warpPerspective(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC),
    )


def cut(picture: Picture, box: Box, *, margin: float) -> tuple[Picture, Box]:
    """What lies in the box and around it by `margin` of its height, with the place that this took of the picture."""
    height, width = picture.shape[:2]
    more = round(box.height * margin)
    left, top = max(box.x - more, 0), max(box.y - more, 0)
    right, bottom = min(box.x + box.width + more, width), min(box.y + box.height + more, height)
    return picture[top:bottom, left:right], Box(left, top, right - left, bottom - top)


def plate(picture: Picture, spot: Spot, *, around: float = _AROUND_PLATE) -> Picture:
    """What a reader of plates is given of the spot; never empty."""
    height, width = picture.shape[:2]
    across, down = around * (spot.right - spot.left), around * (spot.bottom - spot.top)
    left, top = min(max(int(spot.left - across), 0), width - 1), min(max(int(spot.top - down), 0), height - 1)
    right, bottom = max(int(spot.right + across) + 1, left + 1), max(int(spot.bottom + down) + 1, top + 1)
    return picture[top:bottom, left:right]


def jpeg(picture: Picture) -> bytes:
    """The picture as JPEG; the same picture gives the same bytes."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()


def _upright(opened: Image.Image) -> Image.Image:
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - whatever is wrong with what a camera wrote beside its picture, the picture stands
        orientation = None
    turn = _TO_UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return opened if turn is None else opened.transpose(turn)


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits (PNG) as grey of 8: `convert` would make all of it white that is not nearly black."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 0xFFFF) >> 8).astype(np.uint8))


def _refuse_too_large(opened: Image.Image, max_pixels: int) -> None:
    if opened.width * opened.height > max_pixels:
        raise Undecodable(f"too_many_pixels: {opened.width} x {opened.height} is over {max_pixels}")


def _length(corners: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", start: int, end: int) -> float:
    return float(np.linalg.norm(corners[start] - corners[end]))
