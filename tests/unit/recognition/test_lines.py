"""Which lines are plates, and what a plate may be: the rules for engines that find lines of text."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.recognition.lines import area, line

from platekeeper_recognition import lines
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines.protocol import Reading
from platekeeper_recognition.lines import Line
from platekeeper_recognition.plate_formats import REGIONS

US = (REGIONS["us"],)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def find(*given: Line, least_confidence: float = 0.2) -> list[Plate]:
    return lines.find_plates(given, Expectation(US, least_confidence), width=960, height=540)


def plates(*given: Line) -> list[str]:
    return [plate.candidates[0].plate for plate in find(*given)]


def best(readings: Sequence[Reading]) -> str:
    return lines.candidates(readings, US)[0].plate


@pytest.mark.parametrize(
    ("text", "serial"),
    [
        ("7ABC123", "7ABC123"),
        ("ABC 1234", "ABC1234"),
        ("ABC-1234", "ABC1234"),
        ("CALIFORNIA 7ABC123", "7ABC123"),
        ("7ABC123 UTAH", "7ABC123"),
        ("AAAA 999", "AAAA999"),
        ("7ABC:123", "7ABC123"),
        ("123456", "123456"),
    ],
)
def test_a_serial_is_found_without_gaps_dashes_and_captions(text: str, serial: str) -> None:
    assert lines.serial(text) == serial


@pytest.mark.parametrize("text", ["CALIFORNIA", "TAXI", "STOP", "9A", "1234", "12345678", "ABC123456", "", " "])
def test_words_and_figures_are_no_serials(text: str) -> None:
    assert lines.serial(text) is None


@given(st.text(alphabet=ALPHABET + " -:", max_size=14), st.booleans())
def test_a_serial_is_of_letters_and_digits_alone(text: str, known_plate: bool) -> None:
    plate = lines.serial(text, known_plate=known_plate)

    assert plate is None or (set(plate) <= set(ALPHABET) and 2 <= len(plate) <= 8)


@pytest.mark.parametrize(
    "place",
    [
        {"width": 40, "height": 40},
        {"width": 600, "height": 40},
        {"width": 20, "height": 6},
        {"width": 120, "height": 40, "drop": 110},
    ],
    ids=["square", "long", "tiny", "steep"],
)
def test_lines_of_another_geometry_are_no_plates(place: dict[str, float]) -> None:
    assert not lines.may_be_serial(area(400, 300, **place))
    assert plates(line("7ABC123", **place)) == []


def test_plates_are_numbered_from_the_left_and_a_plate_boxed_twice_is_one() -> None:
    found = find(
        line("8DEF456", x=700),
        line({"7ABC123": 0.9}, x=100, y=310),
        line({"7ABC12": 0.6}, x=104, y=312, width=100),
        line("POLICE", x=400),
    )

    assert [(plate.number, plate.candidates[0].plate) for plate in found] == [(1, "7ABC123"), (2, "8DEF456")]
    assert (found[0].box.x, found[0].box.y, found[0].box.width, found[0].box.height) == (100, 310, 120, 40)


def test_the_camera_s_own_clock_is_no_plate() -> None:
    clocks = ("2014-05-13", "2014-05", "07:25:13", "2014-05-1206:12:02", "12-05-2014")

    assert plates(*(line(text, x=100 * place, y=300) for place, text in enumerate(clocks))) == []
    assert plates(line("201405", x=4, y=0)) == []
    assert plates(line("201405", x=400, y=300)) == ["201405"]


def test_what_is_less_sure_than_the_least_confidence_is_no_plate() -> None:
    doubtful = line({"7ABC123": 0.3})

    assert [plate.candidates[0].plate for plate in find(doubtful, least_confidence=0.2)] == ["7ABC123"]
    assert find(doubtful, least_confidence=0.4) == []


def test_the_same_plate_with_and_without_a_gap_is_one_candidate() -> None:
    (only,) = lines.candidates([Reading("7ABC 123", 0.6), Reading("7ABC123", 0.3)], US)

    assert only.plate == "7ABC123"
    assert only.confidence == pytest.approx(0.9)


def test_formats_decide_between_look_alikes() -> None:
    assert best([Reading("CKO A1F", 0.5), Reading("CK0 A1F", 0.4)]) == "CK0A1F"
    assert best([Reading("7A8C123", 0.5), Reading("7ABC123", 0.4)]) == "7ABC123"
    assert best([Reading("HLOKTY1", 0.9), Reading("HL0KTY1", 0.05)]) == "HLOKTY1"


@given(
    st.dictionaries(st.text(alphabet=ALPHABET, min_size=4, max_size=8), st.floats(0.001, 0.05), min_size=1, max_size=20)
)
def test_at_most_ten_candidates_in_falling_order_and_no_confidence_is_made_up(said: dict[str, float]) -> None:
    readings = [Reading(text, confidence) for text, confidence in said.items()]
    found = lines.candidates(readings, US)
    confidences = [candidate.confidence for candidate in found]

    assert len(found) <= 10
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= sum(said.values()) + 1e-3
    assert {candidate.plate for candidate in found} <= set(said)


def test_in_a_box_that_is_a_plate_the_largest_line_is_the_serial() -> None:
    found = lines.plate_in_box(
        [line("ARIZONA", x=60, y=4, width=80, height=16), line("BATMANX", x=10, y=25, width=180, height=50)],
        Expectation(US, 0.2),
        width=200,
        height=100,
    )

    assert found is not None
    assert found.candidates[0].plate == "BATMANX"
    assert lines.plate_in_box([], Expectation(US, 0.2), width=200, height=100) is None
