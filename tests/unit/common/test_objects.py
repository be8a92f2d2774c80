"""The object store, in a folder and in a bucket: encrypted, written once, and bound to its place."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import places
import pytest
from places import Outage, Place

from platekeeper_common import stores
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.ids import AgencyId
from platekeeper_common.keys import KeyStore, in_folder
from platekeeper_common.objects import MAGIC, Objects

PICTURE = b"\xff\xd8 a picture " + os.urandom(2_000)


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return in_folder(tmp_path / "keys")


@pytest.fixture
def objects(place: Place, keys: KeyStore) -> Objects:
    return Objects(place.store(), keys)


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
async def test_what_is_put_comes_back_and_lies_encrypted(objects: Objects, place: Place) -> None:
    reference = await put(objects)
    assert reference == ImageReference(
        "pomona-pd/2026-11-22/image/frame-1", hashlib.sha256(PICTURE).hexdigest(), "image/jpeg"
    )
    assert await objects.get(reference) == PICTURE
    stored = place.files()[reference.path]
    assert stored.startswith(MAGIC)
    assert PICTURE[:12] not in stored


async def test_the_first_object_of_a_name_stays_and_is_the_one_referred_to(objects: Objects) -> None:
    first = await put(objects)
    assert await put(objects) == first
    assert await put(objects, b"a crop drawn by a newer version") == first
    assert await objects.get(first) == PICTURE


async def test_two_objects_share_no_key(objects: Objects, place: Place) -> None:
    one, two = await put(objects), await put(objects, name="frame-2")
    files = [place.files()[reference.path] for reference in (one, two)]
    blocks = [{data[i : i + 16] for i in range(len(MAGIC), len(data) - 16, 16)} for data in files]
    assert not blocks[0] & blocks[1]


async def test_an_object_moved_elsewhere_does_not_open(objects: Objects, place: Place) -> None:
    reference = await put(objects)
    for elsewhere in ("pomona-pd/2026-11-22/image/frame-2", "galt-pd/2026-11-22/image/frame-1"):
        place.write(elsewhere, place.files()[reference.path])
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
async def test_an_altered_object_does_not_open(objects: Objects, place: Place, alter: Callable[[bytes], bytes]) -> None:
    reference = await put(objects)
    place.write(reference.path, alter(place.files()[reference.path]))
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


async def test_a_picture_that_is_not_there_is_gone(objects: Objects, place: Place) -> None:
    reference = await put(objects)
    place.destroy(reference.path)
    with pytest.raises(Gone) as gone:
        await objects.get(reference)
    assert gone.value.code == "image_destroyed"


async def test_many_writers_of_a_name_agree_on_the_first(objects: Objects) -> None:
    references = await asyncio.gather(*(put(objects, PICTURE + bytes([n])) for n in range(12)))
    assert len(set(references)) == 1
    assert hashlib.sha256(await objects.get(references[0])).hexdigest() == references[0].sha256


async def test_a_disk_that_cannot_take_it_is_away(keys: KeyStore, tmp_path: Path) -> None:
    objects = Objects(stores.folder("object store", tmp_path / "objects"), keys)
    (tmp_path / "objects" / "pomona-pd").write_bytes(b"a file where a folder should be")
    with pytest.raises(Unavailable, match="object store"):
        await put(objects)


async def test_a_bucket_that_is_away_loses_nothing(keys: KeyStore, outage: Outage) -> None:
    objects = Objects(outage.store(), keys)
    reference = await put(objects)
    outage.away()
    for attempt in (objects.get(reference), put(objects), put(objects, name="frame-2")):
        with pytest.raises(Unavailable, match="object store"):
            await attempt
    outage.back()
    assert await objects.get(reference) == PICTURE
    assert await put(objects) == reference
    assert (await put(objects, name="frame-2")).sha256 == reference.sha256


async def test_a_bucket_that_does_not_answer_is_away_in_the_time_it_is_given(
    keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        objects = Objects(stores.bucket("object store", "s3://tests", variable="URL", seconds=0.3), keys)
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable, match="object store: TimeoutError"):
                await put(objects)


async def test_a_bucket_that_is_not_there_destroys_nothing(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = await put(Objects(places.bucket(monkeypatch).store(), keys))
    misnamed = Objects(stores.bucket("object store", "s3://nowhere", variable="URL"), keys)
    for attempt in (misnamed.get(reference), put(misnamed)):
        with pytest.raises(Unavailable, match="object store"):
            await attempt


@pytest.mark.parametrize(
    "url",
    ["http://bucket", "s3://", "s3:///x", "s3://Bucket", "s3://b//x", "s3://bucket/a b", "s3://bucket?x", "file:///"],
)
def test_another_url_is_refused_by_its_variable(url: str) -> None:
    with pytest.raises(ValueError, match="PLATEKEEPER_OBJECTS: must be s3://BUCKET"):
        stores.bucket("object store", url, variable="PLATEKEEPER_OBJECTS")


def test_an_endpoint_without_tls_is_refused_unless_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)
    with pytest.raises(ValueError, match=r"PLATEKEEPER_OBJECTS: http://127\.0\.0\.1:9000 is no https:// endpoint"):
        stores.bucket("object store", "s3://tests", variable="PLATEKEEPER_OBJECTS")
