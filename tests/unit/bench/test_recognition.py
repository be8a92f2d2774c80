"""`platekeeper bench recognition`: once through the command line, otherwise through what the command runs."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from platekeeper.bench import labels
from platekeeper.bench.recognition import Asked, BenchError, expected_regions, run
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
    bar = f"{asked.data.name}:"
    (only,) = (line for line in told.err.splitlines() if line and not line.startswith(bar))
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
    told, sheet = tmp_path / "reads.json", tmp_path / "misses.png"

    status, out, err = await platekeeper("--data", str(folder), "--json", str(told), "--misses", str(sheet))

    assert status == 0, err
    assert "scenes-us: 2 plates in 2 scenes" in out
    assert "formats: us" in out
    assert "1 of 2" in next(row for row in out.splitlines() if "exact" in row)
    assert "false reads a scene           0.00" in out
    assert "2/2" in err
    document = json.loads(told.read_bytes())
    assert document["model"]["name"] == "ppocr"
    assert document["score"]["exact"] == document["score"]["folded"] == 1
    one, other = document["images"]
    assert (one["file"], one["plates"][0]["exact"], one["false_reads"]) == (first.file, True, [])
    assert other["plates"][0]["read"]["candidates"][0][0] == second.plate
    assert other["cpu_ms"] > 0
    with Image.open(sheet) as drawn:
        assert (drawn.format, len(drawn.getcolors(1_000_000) or ()) > 10) == ("PNG", True)


def test_crops_are_read_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = samples()[0]
    label(folder, "file,plate,state", f"{first.file},{first.plate},CA")

    assert run(Asked(folder, regions="none")) == 0

    shown = capsys.readouterr().out
    assert "1 plates in 1 crops" in shown
    assert "formats: none" in shown
    assert "1 of 1" in next(row for row in shown.splitlines() if "exact" in row)
    assert "false reads" not in shown


def test_labels_say_what_pictures_show(folder: Path) -> None:
    one, two = (sample.file for sample in samples()[:2])
    label(folder, SCENES, f"{one},7ABC123,1.4,2.6,30,10", f"{two},,,,,", f"{one},,50,60,7,8")

    first, second = labels.read(folder)

    assert (first.path, first.row, first.crop) == (folder / one, 2, None)
    assert first.truths == (Truth("7ABC123", Box(1, 3, 30, 10)), Truth("", Box(50, 60, 7, 8)))
    assert (second.path, second.row, second.truths) == (folder / two, 3, ())


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
    assert f"{tmp_path / 'labels.csv'}: No such file" in refused(capsys, Asked(tmp_path))


def test_a_picture_that_cannot_be_decoded_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "01.jpg").write_bytes(b"no picture")
    label(folder, SCENES, "01.jpg,7ABC123,1,2,30,10")
    told = refused(capsys, Asked(folder))
    assert "labels.csv, row 2: 01.jpg: not_an_image" in told


def test_unknown_engines_and_regions_and_unwritable_files_are_refused_before_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label(folder, SCENES, "01.jpg,7ABC123,1,2,30,10")
    assert "--engine: 'eye' is none of onnx, ppocr" in refused(capsys, Asked(folder, engine="eye"))
    needs = "the engine ultralytics needs the extra ultralytics"
    assert needs in refused(capsys, Asked(folder, engine="ultralytics"))
    assert "--regions: 'mars' is none of us" in refused(capsys, Asked(folder, regions="us,mars"))
    assert "a.json cannot be written" in refused(capsys, Asked(folder, json=folder / "nowhere" / "a.json"))


def test_the_folder_s_name_says_which_plates_to_expect(tmp_path: Path) -> None:
    assert expected_regions(Asked(tmp_path / "scenes-br")) == ("br",)
    assert expected_regions(Asked(tmp_path / "us")) == ("us",)
    assert expected_regions(Asked(tmp_path / "scenes-eu")) == ()
    assert expected_regions(Asked(tmp_path / "scenes-eu", regions="us, br")) == ("us", "br")
    assert expected_regions(Asked(tmp_path / "scenes-us", regions="none")) == ()
    with pytest.raises(BenchError, match="''"):
        expected_regions(Asked(tmp_path, regions="us,"))
