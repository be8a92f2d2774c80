"""Which boxes are plates, what each may be and whose: the rules for engines that find plates."""

import pytest
from unit.recognition.lines import line

from platekeeper_common.events.recognition import Box, Candidate
from platekeeper_recognition import domain, lines, plates
from platekeeper_recognition.domain import Expectation, Region
from platekeeper_recognition.engines.protocol import Reading, Said
from platekeeper_recognition.plate_formats import REGIONS
from platekeeper_recognition.plates import Read

US = Expectation((REGIONS["us"],), 0.2)
PLACE = Box(400, 300, 120, 60)


def read(said: dict[str, float], box: Box = PLACE, **regions: float) -> Read:
    named = {name.replace("_", "-"): share for name, share in regions.items()}
    return Read(box, Said([Reading(text, confidence) for text, confidence in said.items()], named))


@pytest.mark.parametrize("text", ["AB", "7", "BATMAN", "1234", "CALIFORNIA", "ABCDEFGHIJK", ""])
def test_any_two_to_ten_letters_and_digits_in_a_plate_s_box_are_its_serial(text: str) -> None:
    found = plates.find_plates([read({text: 0.9})], US)

    assert [plate.candidates[0].plate for plate in found] == ([text] if 2 <= len(text) <= 10 else [])


def test_plates_are_numbered_from_the_left_and_the_surer_of_two_on_one_place_stays() -> None:
    found = plates.find_plates(
        [
            read({"8DEF456": 0.9}, Box(700, 290, 110, 50)),
            read({"7ABC128": 0.7}, Box(404, 302, 120, 60)),
            read({"7ABC123": 0.9}),
            read({"6TST384": 0.1}, Box(50, 50, 80, 40)),
        ],
        US,
    )

    assert [(plate.number, plate.candidates[0].plate) for plate in found] == [(1, "7ABC123"), (2, "8DEF456")]
    assert found[0].box == PLACE


def test_a_box_that_is_known_to_be_a_plate_answers_it_or_nothing() -> None:
    seen = plates.plate_in_box(read({"BATMAN": 0.9}), US)

    assert seen is not None
    assert (seen.box, seen.candidates[0].plate) == (PLACE, "BATMAN")
    assert plates.plate_in_box(read({}), US) is None
    assert plates.plate_in_box(read({"BATMAN": 0.1}), US) is None


def test_formats_weigh_alike_for_both_kinds_of_engine() -> None:
    said = {"CKOA1F": 0.5, "CK0A1F": 0.4}
    (by_plates,) = plates.find_plates([read(said)], US)
    (by_lines,) = lines.find_plates([line(said)], US, width=960, height=540)

    assert by_plates.candidates == by_lines.candidates
    assert by_plates.candidates[0].plate == "CK0A1F"


def test_where_nothing_is_expected_confidences_stay_what_the_reader_said() -> None:
    assert domain.weighed({"CKOA1F": 0.5, "CK0A1F": 0.4}, ()) == (Candidate("CKOA1F", 0.5), Candidate("CK0A1F", 0.4))


@pytest.mark.parametrize(
    ("shares", "region"),
    [
        ({"us-ca": 0.9, "us-nv": 0.05}, Region("US", "CA", 0.9)),
        ({"us-ca": 0.5, "us-nv": 0.4, "eu-de": 0.1}, Region("US", None, 0.9)),
        ({"eu-de": 0.7, "eu-fr": 0.3}, Region("DE", None, 0.7)),
        ({"eu-de": 0.5, "eu-fr": 0.5}, None),
        ({"br": 0.5, "br-mercosul": 0.3}, Region("BR", None, 0.8)),
        ({"us-ca": 0.3, "ar": 0.3}, None),
        ({}, None),
    ],
)
def test_the_state_is_named_where_it_is_sure_then_the_country_or_nothing(
    shares: dict[str, float], region: Region | None
) -> None:
    assert domain.region(shares) == region


def test_a_plate_carries_the_guess() -> None:
    (plate,) = plates.find_plates([read({"7ABC123": 0.9}, us_ca=0.8)], US)

    assert plate.region == Region("US", "CA", 0.8)
