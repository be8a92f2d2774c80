"""Words that only fill a field, private interests in disguise, numbers that are made up (A3, A4, A8)."""

import pytest

from platekeeper_common import wording
from platekeeper_common.errors import Invalid, Refused

PRIVATE = (
    "personaI use",
    "p e r s o n a l use",
    "personal\u200buse",
    "\u0440\u0435rsonal use",
    "my ex's car",
    "check my gf",
    "my wifes car",
    "my roommate's car",
    "for my buddy",
    "friend of mine asked",
    "private matter",
    "out of curiousity",
    "for myself",
    "someone I know",
    "guy who cut me off",
    "neighbor's car parked at my house",
)
LAWFUL = (
    "Victim's ex-husband threatened her, welfare check",
    "Suspect's girlfriend drives it, robbery 26-1",
    "Personal injury collision on Third",
    "Theft of personal property from garage",
    "Private property tow dispute, assault",
    "Friend of the deceased last seen in this car",
    "My partner saw this vehicle flee the shooting",
)
EMPTY = (
    *("follow up", "per sgt", "see report", "suspicious vehicle", "tbd tbd", "find owner", "12345 678", "asdf jkl"),
    *("official business only", "special assignment", "invest1gation purpose", "i n v e s t i g a t i o n", "xx yy zz"),
)
MADE_UP = ("1", "26", "A1", "TBD1", "pending-1", "na1", "0000-1", "000000001", "asdf1", "aaa1", "1234", "\uff12\uff16")


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_interest_is_seen_in_disguise(text: str) -> None:
    with pytest.raises(Refused) as refused:
        wording.refuse_prohibited(None, (text,))
    assert (refused.value.code, refused.value.clause) == ("purpose_prohibited", "A4")


@pytest.mark.parametrize("text", LAWFUL)
def test_what_a_report_says_of_others_passes(text: str) -> None:
    wording.refuse_prohibited(None, (text,))
    wording.demand_telling(text)


@pytest.mark.parametrize("text", EMPTY)
def test_words_that_tell_nothing_are_sent_back(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        wording.demand_telling(text)
    assert refused.value.code == "reason_vague"


@pytest.mark.parametrize("number", MADE_UP)
def test_a_number_that_fills_the_field_is_none(number: str) -> None:
    with pytest.raises(Invalid) as refused:
        wording.demand_real_number(number)
    assert refused.value.code == "matter_number_made_up"


@pytest.mark.parametrize("number", ["26-1", "26-0001", "DR26-17", "CAD-26-0071", "IA-26-19", "1212"])
def test_numbers_of_the_field_pass(number: str) -> None:
    wording.demand_real_number(number)
