"""Objects and keys in buckets, through the public door: what one machine keeps another one shows, and an outage."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import places
import pytest
from places import Outage, Place
from standing import AGENCY, POLICIES, town
from unit.ingest.station import photograph, station
from unit.retention.office import USE, a_read, store

from platekeeper_common import watermark
from platekeeper_common.foundation import open_keys, open_objects
from platekeeper_common.settings import Settings, SettingsError
from platekeeper_retention.service import SERVICE as RETENTION


def settings_of(objects: Place, keys: Place, kek: Path) -> dict[str, Any]:
    """What every machine is told."""
    if not kek.exists():
        kek.write_bytes(os.urandom(32))
    return {"objects": objects.url, "key_store": keys.url, "kek_file": kek}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    there = places.outage(monkeypatch, tmp_path / "s3")
    yield there
    there.away()


@pytest.mark.clause("G1")
async def test_a_frame_taken_on_one_machine_is_shown_on_another_until_its_key_is_destroyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects, keys = places.bucket(monkeypatch), places.bucket(monkeypatch, "tests-keys")
    told, picture = settings_of(objects, keys, tmp_path / "kek"), photograph()
    async with station(tmp_path / "street", **told) as here:
        assert (await here.post_frame(picture)).status_code == 202
        [frame] = await here.frames()
    assert list(objects.files()) == [frame.image.path]
    assert picture[:40] not in objects.files()[frame.image.path]
    assert {f"{AGENCY}/2026-11-22/image.key", "id.key"} <= keys.files().keys()
    assert not any((tmp_path / "street" / folder).exists() for folder in ("objects", "keys"))

    view = f"/v1/reads/{a_read(1).id}/image"
    async with town(tmp_path / "office", (RETENTION,), **told) as office:
        await store(office, a_read(1, image=frame.image))
        async with office.client(office.person("officer")) as officer:
            answer = await officer.get(view, params=USE)
        assert answer.status_code == 200
        assert answer.content == watermark.within(picture, answer.headers[watermark.HEADER])
    keys.destroy(f"{AGENCY}/2026-11-22/image.key")
    async with (
        town(tmp_path / "office", (RETENTION,), **told) as office,
        office.client(office.person("officer")) as officer,
    ):
        answer = await officer.get(view, params=USE)
    assert (answer.status_code, answer.json()["code"]) == (410, "key_destroyed")


async def test_nothing_is_acknowledged_that_a_bucket_did_not_take(tmp_path: Path, bucket: Outage) -> None:
    told: dict[str, Any] = {"objects": bucket.url, "publish_seconds": 2}
    async with station(tmp_path / "street", **told) as here:
        assert (await here.post_frame(photograph())).status_code == 202
        bucket.away()
        answer = await here.post_frame(photograph(), frame_id="000128")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        bucket.back()
        assert (await here.post_frame(photograph(), frame_id="000128")).status_code == 202
        assert len(await here.frames()) == len(bucket.files()) == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"objects": "s3:/bucket"}, r"PLATEKEEPER_OBJECTS: must be s3://BUCKET"),
        ({"objects": "/srv/objects"}, r"PLATEKEEPER_OBJECTS: must be s3://BUCKET"),
        ({"key_store": "s3://keys"}, r"PLATEKEEPER_KEY_STORE: .* PLATEKEEPER_KEK_FILE"),
        ({"key_store": "https://keys", "kek_file": "kek"}, r"PLATEKEEPER_KEY_STORE: must be s3://BUCKET"),
        ({"key_store": "s3://one/keys", "kek_file": "kek", "objects": "s3://one/x"}, r"PLATEKEEPER_KEY_STORE: .* own"),
        ({"kek_file": "none"}, r"PLATEKEEPER_KEK_FILE: .* cannot be read"),
    ],
)
def test_settings_that_cannot_be_meant_name_their_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kek").write_bytes(os.urandom(32))
    settings = Settings(var=tmp_path / "var", policies=POLICIES, **wrong)
    with pytest.raises(SettingsError, match=told):
        _ = open_keys(settings), open_objects(settings)
