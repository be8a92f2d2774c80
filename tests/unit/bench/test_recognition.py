"""`platekeeper bench recognition`: once through the command line, otherwise through what the command runs."""

import asyncio
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from platekeeper.bench import labels
from platekeeper.bench.labels import LabelsError
from platekeeper.bench.recognition import Asked, BenchError, expected_regions, run
from platekeeper.bench.results import Wanted
from platekeeper.demo.street import samples
from platekeeper_common.events.recognition import Box
from platekeeper_recognition.measure import Truth

SCENES = "file,plate,x,y,w,h"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two drawn scenes; their plates hang somewhere in the lower half."""
    data = tmp_path / "scenes-us"
    data.mkdir()
    for sample in samples()[:2]:
        (data / sample.file).write_bytes(sample.image())
    return data


def label(folder: Path, *rows: str) -> None:
    (folder / "labels.csv").write_text("\r\n".join(rows) + "\r\n")


def refused(capsys: pytest.CaptureFixture[str], asked: Asked) -> str:
    assert run(asked) == 1
    told = capsys.readouterr()
    assert told.out == ""
    (only,) = (line for line in told.err.splitlines() if line.startswith("platekeeper: "))
    return only


async def platekeeper(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("platekeeper"),
        *("bench", "recognition", "--engine", "ppocr", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_two_scenes_are_scored_told_and_drawn(folder: Path, tmp_path: Path) -> None:
    first, second = samples()[:2]
    label(folder, SCENES, f"{first.file},{first.plate},0,0,960,540", f"{second.file},9WRONG9,0,0,960,540")
    out, page, curve = tmp_path / "out", tmp_path / "page.md", tmp_path / "curve.svg"
    page.write_text("# Page\n\n<!-- misses -->\nold\n<!-- end misses -->\n\nThe rest.\n")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(f"set,file,plate,shows\nscenes-us,{second.file},9WRONG9,{second.plate}\n")
    kept = ("--out", str(out), "--page", str(page), "--corrections", str(wrong))

    status, told, err = await platekeeper("--data", str(folder.parent), *kept, "--curve", str(curve))

    assert status == 0, err
    assert "2/2" in err
    row = next(line.split(" | ") for line in told.splitlines() if line.startswith("| scenes-us"))
    assert row[1:8] == ["ppocr", "us", "2", "50.0", "50.0", "100.0", "100.0"]
    (document,) = json.loads((out / "figures.json").read_bytes())
    assert document["setup"]["model"]["name"] == "ppocr"
    assert (document["score"]["exact"], document["score_with_labels_corrected"]["exact"]) == (1, 2)
    assert document["cpu_ms"] > document["decode_ms"] > 0
    assert document["mean_ms"] > 0
    assert ElementTree.parse(curve).getroot().tag.endswith("svg")  # noqa: S314 - drawn by ourselves
    with Image.open(out / "sheets" / "ppocr-scenes-us.png") as drawn:
        assert (drawn.format, len(drawn.getcolors(1_000_000) or ()) > 10) == ("PNG", True)
    shown = f"scenes-us | {second.file} | 9WRONG9 | {second.plate}"
    assert f"| label wrong? | {shown}" in page.read_text()

    rows = (out / "misses.csv").read_text().splitlines()
    (out / "misses.csv").write_text("\n".join([rows[0], f"{rows[1]}somebody's joke"]))
    status, _, err = await platekeeper(*kept)

    assert status == 0, err
    assert f"| somebody's joke | {shown}" in page.read_text()
    assert page.read_text().startswith("# Page\n\n<!-- misses -->\n| cause |")
    assert page.read_text().endswith("|\n<!-- end misses -->\n\nThe rest.\n")


def test_crops_are_read_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = samples()[0]
    label(folder, "file,plate,state", f"{first.file},{first.plate},CA")

    assert run(Asked(folder, "ppocr", regions="none")) == 0

    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| scenes-us")).split(" | ")
    assert row[2:6] == ["every shape", "1", "100.0", "100.0"]
    assert (row[8], row[10]) == ("", ""), "a crop has no box to find and shows one plate alone"


def test_labels_say_what_pictures_show(folder: Path) -> None:
    one, two = (sample.file for sample in samples()[:2])
    label(folder, SCENES, f"{one},7ABC123,1.4,2.6,30,10", f"{two},,,,,", f"{one},,50,60,7,8")

    first, second = labels.read(folder)

    assert (first.path, first.row, first.crop) == (folder / one, 2, None)
    assert first.truths == (Truth("7ABC123", Box(1, 3, 30, 10)), Truth("", Box(50, 60, 7, 8)))
    assert (second.path, second.row, second.truths) == (folder / two, 3, ())


def test_labels_may_say_whose_plate_it_is(folder: Path) -> None:
    one, two = (sample.file for sample in samples()[:2])
    label(folder, "file,plate,state", f"{one},7ABC123,CA", f"{two},7ABC124,")
    assert [each.region for each in labels.read(folder)] == ["us-ca", ""]
    label(folder, f"{SCENES},region", f"{one},7ABC123,1,2,30,10,EU-DE")
    assert labels.read(folder)[0].truths[0].region == "eu-de"


def test_a_folder_of_folders_is_every_set_in_it(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="no folder in it"):
        labels.sets(tmp_path)
    label(folder, SCENES)
    assert labels.sets(tmp_path) == labels.sets(folder) == [folder]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["set,file,plate"], "row 1: no column shows"),
        (["set,file,plate,shows", "scenes-us,01.jpg,7ABC123,"], "row 2: shows ''"),
        (["set,file,plate,shows", "scenes-us,01.jpg,7ABC123,7abc"], "row 2: shows '7abc'"),
    ],
    ids=["column", "empty", "small letters"],
)
def test_bad_corrections_are_named_with_file_and_row(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[str], said: str
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("\n".join(rows))
    assert f"{path}, {said}" in refused(capsys, Asked(folder, wanted=Wanted(corrections=path)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["file,x,y,w,h", "01.jpg,1,2,3,4"], "row 1: no column plate"),
        (["file,plate,x,y", "01.jpg,7ABC123,1,2"], "row 1: no column w, h"),
        ([SCENES, "01.jpg,7ABC123,1,2,30,10", "nowhere.jpg,7ABC123,1,2,3,4"], "row 3: no picture nowhere.jpg"),
        ([SCENES, "01.jpg,7ABC123,1,two,3,4"], "row 2: y is 'two'"),
        ([SCENES, "01.jpg,7ABC123,1,nan,3,4"], "row 2: y is 'nan'"),
        ([SCENES, "01.jpg,7ABC123,1,2,0,4"], "row 2: the box is 0 x 4"),
        ([SCENES, "01.jpg,7ABC123,,,,"], "row 2: x is ''"),
        ([SCENES, "01.jpg,7ABC123,1,2"], "row 2: nothing for w, h"),
        ([SCENES, "01.jpg,7abc-123,1,2,3,4"], "row 2: plate '7abc-123'"),
        ([SCENES, "01.jpg,7ABC123,5000,2,30,40"], "row 2: 01.jpg: the box of 7ABC123 lies outside"),
        ([SCENES, "01.jpg,7ABC123,1,2,30,10", "01.jpg,,,,,"], "row 3: 01.jpg is in row 2 already"),
        (["file,plate", "01.jpg,"], "row 2: plate is empty"),
        (["file,plate", "01.jpg,A1", "01.jpg,A1"], "row 3: 01.jpg is in row 2 already"),
        ([SCENES], "no rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_labels_are_named_with_file_and_row(
    folder: Path, capsys: pytest.CaptureFixture[str], rows: list[str], said: str
) -> None:
    label(folder, *rows)
    told = refused(capsys, Asked(folder))
    assert str(folder / "labels.csv") in told
    assert said in told


def test_a_folder_without_labels_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{tmp_path}: no labels.csv" in refused(capsys, Asked(tmp_path))


def test_a_picture_that_cannot_be_decoded_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "01.jpg").write_bytes(b"no picture")
    label(folder, SCENES, "01.jpg,7ABC123,1,2,30,10")
    told = refused(capsys, Asked(folder))
    assert "labels.csv, row 2: 01.jpg: not_an_image" in told


def test_unknown_engines_and_regions_and_unwritable_files_are_refused_before_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label(folder, SCENES, "01.jpg,7ABC123,1,2,30,10")
    assert "--engine: 'eye' is none of onnx, ppocr" in refused(capsys, Asked(folder, "ppocr,eye"))
    needs = "the engine ultralytics needs the extra ultralytics"
    assert needs in refused(capsys, Asked(folder, "ultralytics"))
    assert "--regions: 'mars' is none of us" in refused(capsys, Asked(folder, regions="us,mars"))
    nowhere = folder / "nowhere" / "a.svg"
    assert "a.svg cannot be written" in refused(capsys, Asked(folder, wanted=Wanted(curve=nowhere)))
    assert "neither --data nor --out" in refused(capsys, Asked())
    assert "nothing was measured in" in refused(capsys, Asked(wanted=Wanted(out=folder)))


def test_the_folder_s_name_says_which_plates_to_expect(tmp_path: Path) -> None:
    assert expected_regions(None, tmp_path / "scenes-br") == ("br",)
    assert expected_regions(None, tmp_path / "us") == ("us",)
    assert expected_regions(None, tmp_path / "scenes-mars") == ()
    assert expected_regions("us, br", tmp_path / "scenes-mars") == ("us", "br")
    assert expected_regions("none", tmp_path / "scenes-us") == ()
    with pytest.raises(BenchError, match="''"):
        expected_regions("us,", tmp_path)
