"""Plates with wildcards."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common import patterns
from platekeeper_common.errors import Invalid


@pytest.mark.parametrize(
    ("text", "plate", "matches"),
    [
        ("7A?C*", "7ABC", True),
        ("7A?C*", "7ABC123", True),
        ("7A?C*", "7AC123", False),
        ("*123", "123", True),
        ("*123", "ABC123", True),
        ("*123", "ABC1234", False),
        ("?ABC", "ABC", False),
        ("7abc-1??", "7ABC123", True),
        ("*B*3", "7ABC123", True),
    ],
)
def test_a_question_mark_is_one_character_and_a_star_any_number(text: str, plate: str, matches: bool) -> None:
    assert patterns.parse(text).matches(plate) is matches


@pytest.mark.parametrize(("text", "written"), [("a b*?c", "AB?*C"), ("A***B", "A*B"), ("*?*?1", "??*1"), ("é?", None)])
def test_patterns_that_mean_the_same_are_written_the_same(text: str, written: str | None) -> None:
    if written is None:
        with pytest.raises(Invalid, match="other than A-Z"):
            patterns.parse(text)
    else:
        assert patterns.parse(text).text == written


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("?*", "no character that is known"),
        ("", "other than"),
        ("A*B*C*", r"more than 2 \*"),
        ("ABCDEFGHIJ?", "11 characters"),
        ("A%B?", "other than"),
        ("A_B?", None),
    ],
)
def test_what_is_no_pattern_is_refused_without_repeating_it(text: str, said: str | None) -> None:
    if said is None:
        assert patterns.parse(text).text == "AB?"
        return
    with pytest.raises(Invalid, match=said) as refused:
        patterns.parse(text)
    assert refused.value.code == "pattern_invalid"
    assert not text or text not in refused.value.detail


def test_what_is_known_of_a_pattern() -> None:
    pattern = patterns.parse("7A?BCD*1")
    assert (pattern.known, pattern.longest_run) == (6, 3)
    assert patterns.is_pattern("7A?")
    assert not patterns.is_pattern("7ABC123")


@given(st.text("AB1?*", min_size=1, max_size=8), st.text("AB1", max_size=6))
def test_a_pattern_means_what_its_wildcards_say(text: str, plate: str) -> None:
    try:
        pattern = patterns.parse(text)
    except Invalid:
        return
    assert pattern.matches(plate) is bool(re.fullmatch(text.replace("?", ".").replace("*", ".*"), plate))
