"""The object store: encrypted, written once, and bound to its place."""

import hashlib
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.ids import AgencyId
from platekeeper_common.keys import KeyStore
from platekeeper_common.objects import MAGIC, Objects

PICTURE = b"\xff\xd8 a picture " + os.urandom(2_000)


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


@pytest.fixture
def objects(tmp_path: Path, keys: KeyStore) -> Objects:
    return Objects(tmp_path / "objects", keys)


async def put(objects: Objects, data: bytes = PICTURE, **more: Any) -> ImageReference:
    about = {
        "agency_id": AgencyId("pomona-pd"),
        "received_on": date(2026, 11, 22),
        "kind": "image",
        "name": "frame-1",
        "media_type": "image/jpeg",
    }
    return await objects.put(data, **{**about, **more})


@pytest.mark.clause("G1")
async def test_what_is_put_comes_back_and_lies_encrypted(objects: Objects, tmp_path: Path) -> None:
    reference = await put(objects)
    assert reference == ImageReference(
        "pomona-pd/2026-11-22/image/frame-1", hashlib.sha256(PICTURE).hexdigest(), "image/jpeg"
    )
    assert await objects.get(reference) == PICTURE
    stored = (tmp_path / "objects" / reference.path).read_bytes()
    assert stored.startswith(MAGIC)
    assert PICTURE[:12] not in stored


async def test_the_first_object_of_a_name_stays_and_is_the_one_referred_to(objects: Objects) -> None:
    first = await put(objects)
    assert await put(objects) == first
    assert await put(objects, b"a crop drawn by a newer version") == first
    assert await objects.get(first) == PICTURE


async def test_two_objects_share_no_key(objects: Objects, tmp_path: Path) -> None:
    one, two = await put(objects), await put(objects, name="frame-2")
    files = [(tmp_path / "objects" / reference.path).read_bytes() for reference in (one, two)]
    blocks = [{data[i : i + 16] for i in range(len(MAGIC), len(data) - 16, 16)} for data in files]
    assert not blocks[0] & blocks[1]


async def test_an_object_moved_elsewhere_does_not_open(objects: Objects, tmp_path: Path) -> None:
    reference = await put(objects)
    for place in ("pomona-pd/2026-11-22/image/frame-2", "galt-pd/2026-11-22/image/frame-1"):
        moved = tmp_path / "objects" / place
        moved.parent.mkdir(parents=True, exist_ok=True)
        moved.write_bytes((tmp_path / "objects" / reference.path).read_bytes())
    with pytest.raises(ValueError, match="altered"):
        await objects.get(msgspec.structs.replace(reference, path="pomona-pd/2026-11-22/image/frame-2"))
    with pytest.raises(Gone):
        await objects.get(msgspec.structs.replace(reference, path="galt-pd/2026-11-22/image/frame-1"))


@pytest.mark.parametrize(
    "alter",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
        lambda data: data[:-20],
        lambda data: data[:30],
        lambda data: b"",
        lambda data: PICTURE,
        lambda data: data + b"\0",
    ],
)
async def test_an_altered_object_does_not_open(
    objects: Objects, tmp_path: Path, alter: Callable[[bytes], bytes]
) -> None:
    reference = await put(objects)
    path = tmp_path / "objects" / reference.path
    path.write_bytes(alter(path.read_bytes()))
    with pytest.raises(ValueError, match=reference.path):
        await objects.get(reference)


async def test_another_picture_than_the_one_referred_to_is_not_handed_out(objects: Objects) -> None:
    reference = await put(objects)
    with pytest.raises(ValueError, match="not the picture"):
        await objects.get(msgspec.structs.replace(reference, sha256="0" * 64))


async def test_a_destroyed_key_takes_its_pictures_with_it(objects: Objects, tmp_path: Path) -> None:
    reference, tomorrow = await put(objects), await put(objects, received_on=date(2026, 11, 23))
    (tmp_path / "keys" / "pomona-pd" / "2026-11-22" / "image.key").unlink()
    with pytest.raises(Gone) as gone:
        await objects.get(reference)
    assert gone.value.code == "key_destroyed"
    assert await objects.get(tomorrow) == PICTURE


async def test_a_picture_that_is_not_there_is_gone(objects: Objects, tmp_path: Path) -> None:
    reference = await put(objects)
    (tmp_path / "objects" / reference.path).unlink()
    with pytest.raises(Gone) as gone:
        await objects.get(reference)
    assert gone.value.code == "image_destroyed"


async def test_a_store_that_cannot_take_it_is_away(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "objects" / "pomona-pd").write_bytes(b"a file where a folder should be")
    with pytest.raises(Unavailable, match="object store"):
        await put(objects)
