"""Pictures by the id of their read: decrypted for the answer, never kept by anybody on the way."""

from pathlib import Path

import httpx
import pytest
from standing import Town, town
from unit.retention.office import USE, a_read, keep, search, store

from platekeeper_common.events.ingest import ImageReference
from platekeeper_retention.service import SERVICE

IMAGE, CROP = b"the whole street", b"the plate alone"


async def photographed(here: Town) -> ImageReference:
    """Store a read with both pictures; its image's reference."""
    image = await keep(here, IMAGE, "image", "image/png")
    await store(here, a_read(1, image=image, crop=await keep(here, CROP, "crop", "image/jpeg")))
    return image


async def test_image_and_crop_come_decrypted_with_their_media_type(here: Town, officer: httpx.AsyncClient) -> None:
    await photographed(here)
    for name, data, media_type in (("image", IMAGE, "image/png"), ("crop", CROP, "image/jpeg")):
        answer = await officer.get(f"/v1/reads/read-0001/{name}", params=USE)
        assert (answer.status_code, answer.content) == (200, data)
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    (found,) = (await search(officer, plate="8ABC123"))["reads"]
    assert found["has_image"]
    assert found["has_crop"]


async def test_no_answer_with_plate_data_may_be_cached(here: Town, officer: httpx.AsyncClient) -> None:
    await photographed(here)
    found = await officer.post("/v1/searches", json=USE | {"plate": "8ABC123"})
    viewed = await officer.get("/v1/reads/read-0001", params=USE)
    assert found.headers["cache-control"] == viewed.headers["cache-control"] == "no-store"
    assert "2026-11-22/image" not in found.text + viewed.text


async def test_a_read_without_a_picture_says_so(here: Town, officer: httpx.AsyncClient) -> None:
    await store(here, a_read(1))
    for name in ("image", "crop"):
        answer = await officer.get(f"/v1/reads/read-0001/{name}", params=USE)
        assert (answer.status_code, answer.json()["code"]) == (404, "image_absent")


async def test_a_destroyed_picture_is_gone(here: Town, officer: httpx.AsyncClient) -> None:
    image = await photographed(here)
    folder = here.standing.foundation.settings.var / "objects"
    (folder / image.path).unlink()
    answer = await officer.get("/v1/reads/read-0001/image", params=USE)
    assert (answer.status_code, answer.json()["code"]) == (410, "image_destroyed")
    assert (await officer.get("/v1/reads/read-0001/crop", params=USE)).status_code == 200


async def test_a_picture_whose_key_was_destroyed_is_gone(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here:
        image = await photographed(here)
        keys = here.standing.foundation.settings.var / "keys"
    (keys / f"{image.path.rpartition('/')[0]}.key").unlink()
    async with town(tmp_path / "var", (SERVICE,)) as here, here.client(here.person("officer")) as officer:
        answer = await officer.get("/v1/reads/read-0001/image", params=USE)
        assert (answer.status_code, answer.json()["code"]) == (410, "key_destroyed")
        assert (await officer.get("/v1/reads/read-0001/crop", params=USE)).status_code == 200


async def test_an_altered_picture_is_not_shown(here: Town, officer: httpx.AsyncClient) -> None:
    image = await photographed(here)
    path = here.standing.foundation.settings.var / "objects" / image.path
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    answer = await officer.get("/v1/reads/read-0001/image", params=USE)
    assert (answer.status_code, answer.json()["code"]) == (500, "image_altered")


@pytest.mark.clause("A1")
async def test_a_picture_needs_a_purpose_too(here: Town, officer: httpx.AsyncClient) -> None:
    await photographed(here)
    for path in ("", "/image", "/crop"):
        answer = await officer.get(f"/v1/reads/read-0001{path}")
        assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (422, "purpose_required", "A1")
        other = {"purpose": "other_le", "matter_type": "patrol"}
        answer = await officer.get(f"/v1/reads/read-0001{path}", params=other)
        assert answer.json()["code"] == "reason_required"
        answer = await officer.get(f"/v1/reads/read-0001{path}", params=other | {"reason": "welfare check"})
        assert answer.status_code == 200
