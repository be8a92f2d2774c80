"""What is told of measured reads, on reads made by hand."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from platekeeper.bench import causes, conditions, curve, guesses, pages, report, weights
from platekeeper.bench.labels import Corrections
from platekeeper.bench.runs import Measured, Run, Setup
from platekeeper_common.events.recognition import Box, Candidate, Model
from platekeeper_recognition import measure, reliability
from platekeeper_recognition.domain import Plate, Region
from platekeeper_recognition.measure import Outcome, Truth

NO_CORRECTIONS = Corrections({})


def outcome(
    shows: str, read: str, *, width: int = 100, sure: float = 0.9, region: str = "", found: bool = True
) -> Outcome:
    box = Box(0, 0, width, 40)
    reads = [Plate(1, box, (Candidate(read, sure),))] if read else []
    return measure.scene([Truth(shows, box, region)], reads, [box] if found else []).outcomes[0]


def run(
    *outcomes: Outcome, engine: str = "ppocr", of: str = "scenes-us", crops: bool = False, light: float = 120
) -> Run:
    setup = Setup(of, "", crops, engine, Model("ppocr", "6", "ab" * 32), ("us",), 960, 0.2)
    pictures = (
        Measured(f"{number}.jpg", measure.Scene((each,), ()), light, decode_ms=5, wall_ms=80, cpu_ms=70)
        for number, each in enumerate(outcomes)
    )
    return Run(setup, tuple(pictures))


@pytest.mark.parametrize(
    ("missed", "cause"),
    [
        (outcome("7ABC123", "", found=False), causes.NOT_FOUND),
        (outcome("7ABC123", ""), causes.NOT_READ),
        (outcome("7ABC120", "7ABC12O", width=30), causes.O_AND_0),
        (outcome("7ABC123", "7XYC123", width=30), causes.SMALL),
        (outcome("7ABC128", "7A8C12B"), causes.LIKE),
        (outcome("ABC1234", "NHABC1234"), causes.MORE),
        (outcome("7ABC123", "7AC123"), causes.FEWER),
        (outcome("GOFAST", "GOFXST"), causes.UNUSUAL),
        (outcome("7ABC123", "7ABX123"), causes.OTHER),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cause_is_guessed(missed: Outcome, cause: str) -> None:
    assert causes.guessed(missed, ("us",), crop=False) == cause


def test_a_crop_is_neither_small_nor_unfound() -> None:
    assert causes.guessed(outcome("7ABC123", "", found=False), (), crop=True) == causes.NOT_READ
    assert causes.guessed(outcome("7ABC123", "7ABX123", width=30), (), crop=True) == causes.OTHER


def test_a_person_s_word_about_a_miss_is_kept_as_long_as_the_read_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / causes.FILE
    first, second = outcome("7ABC123", "7ABX123"), outcome("7ABC124", "7ABX124")
    causes.write(path, causes.of(run(first, second), NO_CORRECTIONS, {}))
    text = path.read_text()
    assert "7ABX123,0.9000,100,other,\r\n" in text.replace("\n", "\r\n").replace("\r\r", "\r")
    path.write_text(text.replace("7ABX123,0.9000,100,other,", "7ABX123,0.9000,100,other,mud"))

    again = causes.of(run(first, outcome("7ABC124", "7ABY124")), NO_CORRECTIONS, causes.seen(path))

    assert [(miss.outcome.text, miss.told) for miss in again] == [("7ABX123", "mud"), ("7ABY124", causes.OTHER)]
    assert causes.seen(tmp_path / "nowhere.csv") == {}


def test_a_wrong_label_is_told_from_a_wrong_read() -> None:
    corrections = Corrections({("scenes-us", "0.jpg", "6TIX874"): "6TTX874"})
    (miss,) = causes.of(run(outcome("6TIX874", "6TTX874")), corrections, {})
    assert miss.told == causes.LABEL
    (row,) = report.figures([run(outcome("6TIX874", "6TTX874"))], corrections).splitlines()[2:]
    assert row.split(" | ")[3:9] == ["1", "0.0", "0.0", "100.0", "100.0", "100.0"]


def test_conditions_go_by_width_and_light() -> None:
    day = run(outcome("7ABC123", "7ABC123", width=59), outcome("7ABC123", "", width=60, found=False))
    night = run(outcome("7ABC120", "7ABC12O", width=200), of="scenes-eu", light=50)
    crops = run(outcome("7ABC123", "7ABC123", width=300), of="crops-us", crops=True)
    found = {
        part.name: (part.plates, part.exact, part.folded, part.detected)
        for part in conditions.parts([day, night, crops])
    }
    assert found == {
        "scenes, plate under 60 px wide": (1, 1, 1, 1),
        "scenes, plate 60 to 79 px wide": (1, 0, 0, 0),
        "scenes, plate 200 px and wider": (1, 0, 1, 1),
        "scenes, night or dusk": (1, 0, 1, 1),
        "scenes, day": (2, 1, 1, 1),
        "crops, 200 px and wider": (1, 1, 1, 1),
    }


def test_the_reader_is_scored_apart_from_the_detector() -> None:
    unfound = outcome("7ABC123", "", found=False)
    inside = Plate(1, Box(0, 0, 100, 40), (Candidate("7ABC123", 0.9),))
    scene = replace(run(unfound).pictures[0], in_boxes=(inside,))
    rows = report.reader(
        [replace(run(unfound), pictures=(scene,)), run(unfound, crops=True)], NO_CORRECTIONS
    ).splitlines()
    assert rows[2:] == ["| scenes-us | ppocr | 1 | 100.0 | 100.0 | 0 |"]


@pytest.mark.parametrize(
    ("truth", "guess", "right"),
    [
        ("us-ca", Region("US", "CA", 0.9), True),
        ("us-ca", Region("US", None, 0.9), True),
        ("us-ca", Region("US", "NV", 0.9), False),
        ("us", Region("US", "NV", 0.9), True),
        ("eu-de", Region("DE", None, 0.9), True),
        ("br", Region("AR", None, 0.9), False),
    ],
    ids=str,
)
def test_a_guessed_region_is_right_as_far_as_it_goes(truth: str, guess: Region, right: bool) -> None:
    assert guesses.is_right(truth, guess) is right


def test_guesses_are_told_for_sets_whose_country_is_known() -> None:
    def guessing(region: str, guess: Region | None) -> Outcome:
        one = outcome("7ABC123", "7ABC123", region=region)
        return replace(one, read=one.read and replace(one.read, region=guess))

    crops = run(
        guessing("us-ny", Region("US", "NY", 0.9)),
        guessing("us-ca", Region("US", "NY", 0.7)),
        of="crops-us",
        crops=True,
    )
    scenes = run(guessing("", Region("US", None, 0.8)), guessing("", None))
    elsewhere = run(guessing("", Region("DE", None, 0.8)), of="scenes-eu")
    rows = [row.split(" | ") for row in report.guessed_regions([scenes, elsewhere, crops]).splitlines()[2:]]
    assert [row[1:6] for row in rows] == [
        ["scenes-us", "2", "50.0", "100.0", "0.0"],
        ["crops-us", "2", "100.0", "50.0", "50.0"],
        ["all", "4", "75.0", "66.7", "33.3"],
    ]
    assert report.guessed_regions([elsewhere]) == "No engine guesses states or countries."


def test_regions_with_a_miss_are_named() -> None:
    reads = [outcome("AB1", "AB1", region="us-ny"), outcome("AB2", "AB3", region="us-ca"), outcome("AB4", "AB4")]
    assert report.by_region([run(*reads)], NO_CORRECTIONS) == ("- `ppocr`: all plates of 1 of 2 regions, us-ca 0/1")


def test_calibration_tells_each_set_and_all_of_them() -> None:
    scenes = run(*[outcome("7ABC123", "7ABC123", sure=0.75)] * 3, outcome("7ABC123", "7ABX123", sure=0.75))
    crops = run(outcome("7ABC123", "7ABC123", sure=0.6), of="crops-us", crops=True)
    rows = [row.split(" | ") for row in report.calibration([scenes, crops], NO_CORRECTIONS).splitlines()[2:]]
    assert [row[1:6] for row in rows] == [
        ["scenes-us", "4", "75.0", "75.0", "0.0"],
        ["crops-us", "1", "60.0", "100.0", "40.0"],
        ["all", "5", "72.0", "80.0", "8.0"],
    ]


def test_causes_are_counted_for_each_engine() -> None:
    misses = {
        engine: causes.of(run(*reads, engine=engine), NO_CORRECTIONS, {})
        for engine, reads in {
            "onnx": [outcome("AB12", "A812")],
            "ppocr": [outcome("AB12", ""), outcome("AB13", "")],
        }.items()
    }
    assert report.by_cause(misses).splitlines()[2:] == [
        f"| {causes.LIKE} | 1 | 0 |",
        f"| {causes.NOT_READ} | 0 | 2 |",
        "| all | 1 | 2 |",
        "| of which guessed | 1 | 2 |",
    ]


def test_the_curve_has_a_point_for_each_bin() -> None:
    bins = reliability.equal_mass([reliability.Judged(place / 20, place > 5) for place in range(20)])
    svg = curve.svg("Reads", {"onnx": bins, "ppocr": bins[:3]})
    drawn = ElementTree.fromstring(svg)  # noqa: S314 - drawn by ourselves
    assert len([each for each in drawn.iter() if each.tag.endswith("circle")]) == len(bins) + 3


def test_pages_are_filled_where_they_are_marked(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- figures -->\n<!-- end figures -->\nb\n<!-- causes -->\nold\nold\n<!-- end causes -->\n")
    for _ in range(2):
        pages.fill(page, {"figures": "one\ntwo\n", "causes": "three", "other": "four"})
        assert page.read_text() == (
            "a\n<!-- figures -->\none\ntwo\n<!-- end figures -->\nb\n<!-- causes -->\nthree\n<!-- end causes -->\n"
        )
    pages.fill(page, {"causes": "five"})
    assert "one\ntwo\n" in page.read_text()
    assert "\nfive\n" in page.read_text()
    page.write_text("<!-- causes -->\n<!-- end causes -->\n")
    with pytest.raises(pages.PageError, match=r"page\.md: it marks none of <!-- figures -->"):
        pages.fill(page, {"figures": ""})


def test_model_files_are_listed_with_their_digests(tmp_path: Path) -> None:
    (tmp_path / "reader.onnx").write_bytes(b"abc")
    (row,) = weights.table(tmp_path).splitlines()[2:]
    assert row == "| reader.onnx | 3 | `ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad` |"
