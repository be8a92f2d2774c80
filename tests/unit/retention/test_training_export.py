"""Corrected pictures go to the administrator as training data, for a purpose that the policy names for it (A2, J1)."""

import io
import shutil
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from standing import POLICIES, Town, town
from unit.retention.office import HARBOR, START, USE, a_read, elements, keep, records, stop_relay, store

from platekeeper import corrections
from platekeeper.client import ApiError, Session
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import Box, PlateRead
from platekeeper_recognition import pictures
from platekeeper_retention.room import RetentionSettings
from platekeeper_retention.service import SERVICE
from platekeeper_training.detector import scenes
from platekeeper_training.drawing.paint import Fonts
from platekeeper_training.photographs import labelled, picture

EXPORT = "/v1/corrections/export"
TRAINING = {
    "purpose": "other_le",
    "matter_type": "other",
    "reason": "Training our plate reader on what it misread this autumn",
}


SAID: list[dict[str, Any]] = [
    {"plate": "8ABC128", "state": "CA"},
    {"no_plate": True},
    {"plate": "8XYZ001", "state": "ON"},
    {"plate": "8ABC129"},
    {"plate": "8ABC121"},
]
LONG_AGO = START - timedelta(days=800)
"""Kept no longer."""


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The profiles, one of which lets training data be taken away."""
    folder = shutil.copytree(POLICIES, tmp_path_factory.mktemp("policies") / "policies")
    pomona = folder / "pomona.toml"
    told = pomona.read_text(encoding="utf-8")
    pomona.write_text(told.replace('training_export_for = "none"', 'training_export_for = ["other_le"]'))
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory, allowing: Path) -> AsyncIterator[Town]:
    """The records office with five corrected reads and one that nobody corrected; another agency allows nothing."""
    async with town(tmp_path_factory.mktemp("var") / "var", (SERVICE,), policies=allowing) as standing:
        await standing.open_agency(HARBOR, profile="galt")
        await store(standing, *[await corrected(standing, number) for number in range(1, 7)])
        async with standing.client(standing.person("officer")) as officer:
            for number, said in enumerate(SAID, start=1):
                answer = await officer.post(f"/v1/reads/read-{number:04}/corrections", json=USE | said)
                assert answer.status_code == 201, answer.text
        yield standing


async def corrected(here: Town, number: int) -> PlateRead:
    """A read with a crop, but the third without; that of the fourth has been destroyed, the fifth's time is over."""
    drawn = np.full((60, 120, 3), 40 * number, np.uint8)
    crop: ImageReference | None = await keep(
        here, cv2.imencode(".jpg", drawn)[1].tobytes(), "crop", "image/jpeg", f"c{number}"
    )
    if number == 3:
        crop = None
    if number == 4:
        crop = ImageReference("pomona-pd/2026-11-22/crop/gone", "0" * 64, "image/jpeg")
    told = {"captured_at": LONG_AGO} if number == 5 else {}
    return a_read(number, crop=crop, box=Box(10, 200, 100, 30), crop_box=Box(0, 185, 120, 60), **told)


pytestmark = pytest.mark.asyncio(loop_scope="module")


def boss(here: Town, **more: Any) -> httpx.AsyncClient:
    return here.client(here.person("boss", "administrator", **more))


async def given(here: Town, **asked: Any) -> tuple[httpx.Response, zipfile.ZipFile]:
    async with boss(here) as client:
        answer = await client.get(EXPORT, params=TRAINING | asked)
    assert answer.status_code == 200, answer.text
    return answer, zipfile.ZipFile(io.BytesIO(answer.content))


@pytest.mark.clause("J1")
async def test_the_training_reads_the_export_as_it_is(here: Town, tmp_path: Path) -> None:
    answer, archive = await given(here)
    assert answer.headers["content-type"] == "application/zip"
    assert archive.testzip() is None
    export = tmp_path / "photographs" / "corrected"
    archive.extractall(export)
    (plate,) = labelled(export)
    assert (plate.plate, plate.box, plate.region) == ("8ABC128", (10, 15, 100, 30), "us-ca")
    assert picture(plate.file).shape == (60, 120, 3)
    assert archive.read("no_plates.csv").decode() == "file\nread-0002.jpg\n"
    assert scenes.scenes(export.parent) == {export / "no-plates" / "read-0002.jpg": []}
    assert scenes.write(export.parent, tmp_path / "scenes", Fonts((), ()), variants=5, seed=7) == 1
    told = [labels.read_text(encoding="utf-8") for labels in (tmp_path / "scenes" / "labels").rglob("*.txt")]
    assert told == [""] * 6, "no plate is put into it that would be too small to see"


@pytest.mark.clause("J1")
async def test_it_gives_the_picture_that_the_officer_saw_though_a_later_version_has_another(
    tmp_path: Path, allowing: Path
) -> None:
    async def read_of(here: Town, number: int, grey: int, **told: Any) -> PlateRead:
        drawn = cv2.imencode(".png", np.full((60, 120, 3), grey, np.uint8))[1].tobytes()
        return a_read(number, crop=await keep(here, drawn, "crop", "image/png", f"{number}-{grey}"), **told)

    async with town(tmp_path / "var", (SERVICE,), policies=allowing) as other:
        await store(other, await read_of(other, 1, 10, plate="OPEN24"), await read_of(other, 2, 20))
        async with other.client(other.person("officer")) as officer:
            await officer.post("/v1/reads/read-0001/corrections", json=USE | {"no_plate": True, "version": 1})
            await officer.post("/v1/reads/read-0002/corrections", json=USE | {"plate": "8ABC128", "version": 1})
            later = [await read_of(other, number, 200, version=2) for number in (1, 2)]
            await store(other, *later, await read_of(other, 2, 210, version=3))
            _, archive = await given(other)
            assert grey(archive, "no-plates/read-0001.png") == 10
            assert grey(archive, "images/read-0002.png") == 20
            await officer.post("/v1/reads/read-0002/corrections", json=USE | {"plate": "8ABC129", "version": 3})
            _, archive = await given(other)
    assert grey(archive, "images/read-0002.png") == 210
    assert archive.read("labels.csv").decode() == "file,plate,x,y,w,h\nread-0002.png,8ABC129,,,,\n"


def grey(archive: zipfile.ZipFile, name: str) -> int:
    return int(np.asarray(Image.open(io.BytesIO(archive.read(name))))[0, 0, 0])


AT_THE_RIM = [
    (Box(600, 300, 100, 40), 0.3),
    (Box(1180, 300, 100, 40), 0.3),
    (Box(1180, 300, 100, 40), 0.7),
    (Box(10, 690, 100, 30), 0.3),
    (Box(5, 4, 100, 30), 0.7),
]


@pytest.mark.clause("J1")
async def test_the_label_lies_on_the_plate_also_where_the_frames_rim_cut_the_crop_off(
    tmp_path: Path, allowing: Path
) -> None:
    async with town(tmp_path / "var", (SERVICE,), policies=allowing) as other:
        reads = []
        for number, (box, margin) in enumerate(AT_THE_RIM, start=1):
            frame = np.zeros((720, 1280, 3), np.uint8)
            frame[box.y : box.y + box.height, box.x : box.x + box.width] = 255
            cut, place = pictures.cut(frame, box, margin=margin)
            crop = await keep(other, pictures.jpeg(cut), "crop", "image/jpeg", f"c{number}")
            reads.append(a_read(number, crop=crop, box=box, crop_box=place))
            reads.append(a_read(10 + number, crop=crop, box=box))
        await store(other, *reads)
        async with other.client(other.person("officer")) as officer:
            for read in reads:
                await officer.post(f"/v1/reads/{read.id}/corrections", json=USE | {"plate": "8ABC128"})
        _, archive = await given(other)
    archive.extractall(tmp_path / "export")
    told = {plate.file.stem: plate for plate in labelled(tmp_path / "export")}
    assert sorted(told) == ["read-0001", "read-0002", "read-0003", "read-0004", "read-0005", "read-0011"]
    for plate in told.values():
        assert plate.box is not None
        x, y, width, height = map(int, plate.box)
        shown = picture(plate.file)
        assert shown[y : y + height, x : x + width].mean() > 250
        assert shown.sum() < 3 * 255 * width * height * 1.05, "nothing of the plate lies outside"
    assert "- 4 crops from the rim of a frame" in archive.read("README.txt").decode()


@pytest.mark.clause("F3", "pomona")
async def test_what_cannot_be_given_is_counted_and_what_is_given_says_when_it_is_due(here: Town) -> None:
    answer, archive = await given(here)
    told = archive.read("README.txt").decode()
    assert "1 plates, 1 pictures without one." in told
    assert "- 1 reads whose time of keeping is over" in told
    assert "- 1 reads that came without a crop" in told
    assert "- 1 crops that have been destroyed" in told
    assert "The first read is due on 2027-11-22" in told
    assert answer.headers["access-record-id"] in told


@pytest.mark.clause("H1")
async def test_every_picture_says_to_whom_it_was_given(here: Town) -> None:
    _, archive = await given(here)
    assert b"boss pomona-pd 2026-11-22T18:00:00Z" in archive.read("images/read-0001.jpg")
    assert "boss pomona-pd 2026-11-22T18:00:00Z" in archive.read("README.txt").decode()


async def test_the_time_in_which_corrections_were_made_narrows_it(here: Town) -> None:
    before = (START + timedelta(hours=1)).isoformat()
    _, archive = await given(here, to=before)
    assert archive.namelist() == ["labels.csv", "regions.csv", "no_plates.csv", "README.txt"]
    _, archive = await given(here, **{"from": before})
    assert len(archive.namelist()) == 6
    for outside in ({"from": "0001-01-01T00:00:00+05:00"}, {"to": "9999-12-31T23:59:59-05:00"}):
        async with boss(here) as client:
            refused = (await client.get(EXPORT, params=TRAINING | outside)).json()
        assert (refused["status"], refused["code"]) == (422, "period_invalid")


async def test_the_command_writes_what_it_got_and_says_what_it_is(here: Town, tmp_path: Path) -> None:
    async with boss(here) as http:
        token = http.headers["authorization"].removeprefix("Bearer ")
        session = Session(http, token=token)
        asked = corrections.Asked(url="", ca=None, username="boss", out=tmp_path / "misread.zip", parameters=TRAINING)
        told = await corrections.export(session, asked)
        assert told.startswith(f"{asked.out}:\nCorrected licence plate reads of Pomona Police Department")
        assert zipfile.ZipFile(asked.out).testzip() is None
        with pytest.raises(FileExistsError):
            await corrections.export(session, asked)
        refused = corrections.Asked(url="", ca=None, username="boss", out=tmp_path / "other.zip", parameters={})
        with pytest.raises(ApiError, match="purpose_required"):
            await corrections.export(session, refused)
    assert [path.name for path in tmp_path.iterdir()] == ["misread.zip"]


@pytest.mark.clause("A2")
async def test_only_the_office_takes_it_away_and_only_for_what_the_policy_names(here: Town) -> None:
    async def refusal(client: httpx.AsyncClient, **asked: str) -> tuple[int, str, str]:
        async with client:
            told = (await client.get(EXPORT, params=TRAINING | asked)).json()
        assert "read-0001" not in str(told)
        return told["status"], told["code"], told["clause"]

    warrant = {"purpose": "warrant", "matter_type": "criminal", "matter_number": "26-004711"}
    async with boss(here) as client:
        assert (await client.get(EXPORT, params=warrant)).json()["code"] == "training_export_not_allowed"
    assert await refusal(boss(here, agency_id=HARBOR)) == (403, "training_export_not_allowed", "A2")
    helper = here.client(here.person("helper", "administrator", offices=()))
    assert await refusal(helper) == (403, "not_administrator", "B2")
    assert await refusal(here.client(here.person("officer"))) == (403, "not_administrator", "B2")
    assert await refusal(boss(here, trained=False)) == (403, "training_missing", "C2")


async def test_the_refusal_says_what_would_allow_it(here: Town) -> None:
    async with boss(here, agency_id=HARBOR) as client:
        told = (await client.get(EXPORT, params=TRAINING)).json()["detail"]
    assert "corrections.training_export_for" in told
    assert "two persons" in told


async def test_more_than_one_file_holds_is_asked_for_in_parts(tmp_path: Path, allowing: Path) -> None:
    few = {"retention": RetentionSettings(export_at_most=1)}
    async with town(tmp_path / "var", (SERVICE,), policies=allowing, own=few) as other:
        await store(other, a_read(1), a_read(2))
        async with other.client(other.person("officer")) as officer:
            for read_id in ("read-0001", "read-0002"):
                await officer.post(f"/v1/reads/{read_id}/corrections", json=USE | SAID[0])
                other.clock.advance(seconds=60)
        async with boss(other) as client:
            refused = (await client.get(EXPORT, params=TRAINING)).json()
            first = await client.get(EXPORT, params=TRAINING | {"to": "2026-11-22T18:01:00Z"})
    assert (refused["status"], refused["code"]) == (422, "export_too_large")
    assert first.status_code == 200


@pytest.mark.clause("B8")
async def test_the_record_is_there_before_the_first_byte(here: Town) -> None:
    await stop_relay(here)
    async with boss(here) as client, client.stream("GET", EXPORT, params=TRAINING) as answer:
        record = records(here)[-1]
        assert (record.action, record.id) == ("corrections.export", answer.headers["access-record-id"])
        assert record.result_ids == ("read-0001", "read-0002", "read-0004"), "and none that could not be given"
    told = await elements(here, record)
    assert told == {"export": "training data", "reason": TRAINING["reason"]}
