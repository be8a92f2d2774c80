"""Decoding, cutting and straightening."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from unit.recognition.lines import area

from platekeeper_common.events.recognition import Box
from platekeeper_recognition import pictures
from platekeeper_recognition.engines.protocol import Area

ENOUGH = 1_000_000


def encoded(kind: str = "PNG", size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(colours: int, bits: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """16 x 16 pixels of nothing, with these chunks before them (RFC 2083, 3)."""
    rows = b"".join(b"\0" + bytes(2 * bits) for _ in range(16))
    header = struct.pack(">IIBBBBB", 16, 16, bits, colours, 0, 0, 0)
    every = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    written = (struct.pack(">I", len(data)) + name + data + zlib.crc32(name + data).to_bytes(4) for name, data in every)
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_become_blue_green_red(kind: str) -> None:
    picture = pictures.decode(encoded(kind), max_pixels=ENOUGH)

    assert picture.shape == (40, 60, 3)
    assert picture.dtype == np.uint8
    assert picture[20, 10, 2] > 240 > 15 > picture[20, 10, 0]


def test_the_camera_s_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees

    assert pictures.decode(encoded("JPEG", exif=exif), max_pixels=ENOUGH).shape == (60, 40, 3)


@pytest.mark.parametrize("orientation", [1, 6])
def test_grey_of_sixteen_bits_stays_grey(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    shades = np.tile(np.arange(256, dtype=np.uint16) * 257, (40, 1))
    Image.fromarray(shades).save(file, "PNG", exif=exif)

    picture = pictures.decode(file.getvalue(), max_pixels=ENOUGH)

    along = picture[20] if orientation == 1 else picture[:, 20]
    assert (along == np.arange(256)[:, None]).all()


def test_what_else_a_camera_writes_beside_its_picture_does_no_harm() -> None:
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    resolution_in_words = struct.pack("<HHI4s", 0x011A, 7, 4, b"fine")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + orientation + resolution_in_words + bytes(4)

    assert pictures.decode(encoded("JPEG", exif=exif), max_pixels=ENOUGH).shape == (60, 40, 3)
    assert pictures.decode(encoded("PNG", exif=b"Exif\0\0no TIFF"), max_pixels=ENOUGH).shape == (40, 60, 3)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_an_image"),
        (b"GIF89a" + bytes(40), "not_an_image"),
        (encoded("JPEG", (600, 400))[:-400], "image_damaged"),
        (encoded("PNG", (600, 400))[:-200], "image_damaged"),
        (encoded("PNG", (1001, 1000)), "too_many_pixels"),
        (png(3, 1, (b"tRNS", b"\0")), "image_damaged"),
    ],
    ids=["empty", "gif", "cut jpeg", "cut png", "too large", "colours without a palette"],
)
def test_what_cannot_be_decoded_says_why(data: bytes, code: str) -> None:
    with pytest.raises(pictures.Undecodable, match=f"^{code}: "):
        pictures.decode(data, max_pixels=ENOUGH)


def test_a_cut_takes_its_margin_where_the_picture_has_it() -> None:
    picture = pictures.decode(encoded(), max_pixels=ENOUGH)
    cut, place = pictures.cut(picture, Box(2, 10, 20, 10), margin=0.5)

    assert place == Box(0, 5, 27, 20)
    assert cut.shape == (20, 27, 3)


def test_a_slanted_area_becomes_upright() -> None:
    picture = np.zeros((100, 200, 3), dtype=np.uint8)
    slanted = area(50, 20, width=80, height=20, drop=20)
    for x in range(80):
        picture[20 + x // 4 : 40 + x // 4, 50 + x] = 200

    upright = pictures.straighten(picture, slanted)

    assert upright.shape[0] == 20
    assert upright[2:-2, 2:-2].min() > 150


def test_an_area_without_extent_is_one_pixel() -> None:
    picture = np.zeros((10, 10, 3), dtype=np.uint8)
    point = Area(((5, 5), (5, 5), (5, 5), (5, 5)))

    assert pictures.straighten(picture, point).shape == (1, 1, 3)
