"""What a person writes as reason or number, read as a person would: forbidden purposes, empty words, made-up numbers.

Clause A4 asks for official business, so a private purpose is refused whatever it is called; clause A8 asks for a matter
that can be looked up, so words and numbers that only fill a field are refused with a hint of what to write.
"""

import re
from collections.abc import Sequence

from platekeeper_common.errors import Invalid, Refused
from platekeeper_common.immigration import readings, refuse_immigration_in

_PRIVATE_CODE = re.compile(
    r"\b(?:personal|private|curio|spouse|wife\b|husband\b|(?:girl|boy)friend|dating\b|friend|family\b"
    r"|favou?r\b|neighbou?r|stalk|ex\b|own_?use\b)"
)
"""A purpose's own name says less than a sentence does: there each of these words is enough."""
_OWN_PEOPLE = (
    r"(?:car|vehicle|truck|plate|house|home|street|family|in laws?|(?:ex|former|domestic) ?partners?|ex|crush|boo"
    r"|(?:ex ?)?(?:wifes?|husbands?|spouses?|(?:girl|boy) ?friends?|gfs?|bfs?)|fiancee?s?|baby \w+|dates?|lovers?"
    r"|neighbou?rs?|friends?|budd(?:y|ies|ys)|pals?|room ?mates?|kids?|sons?|daughters?|brothers?|sisters?|mothers?|mom"
    r"|fathers?|dad|cousins?|uncles?|aunts?|nephews?|nieces?|landlords?|tenants?)"
)
_PRIVATE_TEXT = re.compile(
    r"^persona[li](?:ly)?$|\bpersona[li] ?(?:use|reasons?|interest|matters?|business|purposes?|check|look ?up|favou?r)"
    r"|\bprivate ?(?:use|reasons?|interest|matters?|purposes?|check|look ?up|favou?r)\b"
    r"|\bcurio(?:u?sity|us)\b|\bnosy\b|\b(?:just|only) (?:checking|looking|curious|wondering)\b"
    r"|\b(?:out of|for) (?:interest|fun)\b|\bfor myself\b|\b(?:my|own) (?:interest|use|curiosity)\b"
    r"|\bfavou?r (?:for|to)\b|\bfor a (?:friend|buddy|pal|family member)\b|\bof mine\b|\bfamily member asked\b"
    r"|\b(?:a|the|old) (?:buddy|pal) asked\b|\bsomeone i know\b|\bcut me off\b"
    r"|\b(?:check|background) (?:on|of) a (?:date|match)\b|\b(?:tinder|bumble|online|blind) (?:date|match) check\b"
    r"|\b(?:hot|cute|pretty|attractive) (?:girl|guy|woman|man|lady)\b"
    rf"|\bmy (?:own |old |new )?{_OWN_PEOPLE}\b"
    r"|\b(?:ex )?(?:wife|husband|spouse|girlfriend|boyfriend) (?:check|look ?up)\b"
)
"""In a sentence a victim's husband may be named, and a partner is who sits in the same car: only what the writer wants
for the writer counts."""

_EMPTY_WORDS = frozenset(
    """
    a above active activity again an and another any as asap ask asked asking assignment at be because before below
    business by car case check checked checking checks comment contact criminal data detail details do duty file find
    finding follow following followup for gathering general given good hello i in info information inquiry intel
    intelligence interest interested investigate investigating investigation investigations investigative is it job
    just know law le lieutenant locate locating look lookup lt me misc miscellaneous my n na need needed no none note
    notes nothing of officer officers official on ongoing only or other owner per person plate plates please
    police purpose purposes query reason reasons related report request requested required routine run running same
    searching search see sergeant sgt so special stuff subject supervisor suspect suspicious tba tbd test testing tests
    that the this thing things to unknown up use valid various vehicle vehicles want wanted we work world
    yes enforcement
    """.split()  # noqa: SIM905 - readable as words
)
_NOBODY = _EMPTY_WORDS | {
    "anybody",
    "anyone",
    "dispatch",
    "dispatcher",
    "myself",
    "self",
    "somebody",
    "someone",
    "unit",
}
"""Words that name nobody for whom somebody could search."""
_FILLERS = frozenset({"ABC", "ASDF", "NA", "NONE", "NULL", "PENDING", "TBA", "TBD", "TEST", "UNKNOWN", "XYZ"})
"""Letters that no matter's number consists of."""
_ROWS = ("qwertyuiop", "poiuytrewq", "asdfghjkl", "lkjhgfdsa", "zxcvbnm", "mnbvcxz")
_BESIDE = frozenset(row[at : at + 4] for row in _ROWS for at in range(len(row) - 3))
_AGAIN_AND_AGAIN = re.compile(r"(.)\1\1")
_WORD = re.compile(r"[a-z0-9]+")
_ALNUM = re.compile(r"[^A-Z0-9]+")
_COUNTED = ("0123456789", "1234567890", "9876543210")
LEAST_IN_NUMBER = 3
"""Letters and digits that a matter's number has at least."""


def refuse_prohibited(code: str | None, texts: tuple[str | None, ...]) -> None:
    """Raise Refused `immigration_refused` (J4) or `purpose_prohibited` (A4) for a purpose that no department has.

    `code` is the purpose by its name, `texts` what a person wrote.
    """
    named = readings(code) if code else set()
    written = {reading for text in texts if text for reading in readings(text)}
    refuse_immigration_in(named | written)
    if any(map(_PRIVATE_CODE.search, named)) or any(map(_is_private, written)):
        raise Refused(
            "plate data serves official law enforcement business only, never a personal interest;"
            " your administrator is told of this refusal",
            code="purpose_prohibited",
            clause="A4",
        )


def _is_private(reading: str) -> bool:
    return _PRIVATE_TEXT.search(reading.strip()) is not None


def demand_telling(reason: str) -> None:
    """Raise Invalid `reason_vague` when the words would not tell another person what this is about (A1, A4)."""
    if not all(_tells(_WORD.findall(reading)) for reading in readings(reason)):
        raise Invalid(
            "say in a few words what happened and whom it concerns, so that another person could check it;"
            " for example: welfare check on a driver overdue since Monday",
            code="reason_vague",
            clause="A4",
        )


def demand_real_number(number: str) -> None:
    """Raise Invalid `matter_number_made_up` for a number that only fills the field: 0000, n/a, test, 123 (A8)."""
    plain = _ALNUM.sub("", number.upper())
    digits = "".join(sign for sign in plain if sign.isdigit())
    letters = plain.strip("0123456789")
    made_up = (
        len(plain) < LEAST_IN_NUMBER
        or not digits
        or len(set(plain)) == 1
        or set(digits) == {"0"}
        or (plain == digits and (len(digits.lstrip("0")) == 1 or any(digits in run for run in _COUNTED)))
        or "TEST" in plain
        or letters in _FILLERS
        or (len(letters) > 2 and _beside_or_repeated(letters.lower()))
    )
    if made_up:
        raise Invalid(
            "that is no matter's number; when it is not known yet choose the matter with number_pending"
            " (PUT /v1/session/matter) and supply it within a day",
            code="matter_number_made_up",
            clause="A8",
        )


def names_somebody(text: str | None, *others: str) -> bool:
    """Whether the text names a person or a unit, and none of these `others` (A3)."""
    own = {" ".join(_WORD.findall(reading)) for other in others for reading in readings(other)}
    for reading in readings(text or ""):
        words = _WORD.findall(reading)
        if " ".join(words) in own or all(word in _NOBODY or _mashed(word) for word in words):
            return False
    return True


def _tells(words: Sequence[str]) -> bool:
    """Whether there is a word, not a number alone, that says something."""
    return len(words) > 1 and any(
        word not in _EMPTY_WORDS and not word.isdigit() and not _mashed(word) for word in words
    )


def _mashed(word: str) -> bool:
    """Whether a word is keys that lie beside each other, one letter again and again, or unpronounceable."""
    if word.isdigit():
        return len(set(word)) == 1
    silent = word.isalpha() and len(word) > 3 and not set(word) & set("aeiouy")
    return len(set(word)) == 1 or silent or _beside_or_repeated(word)


def _beside_or_repeated(word: str) -> bool:
    """Whether it is three keys that lie beside each other, holds four such, or one sign three times running."""
    beside = any(word[at : at + 4] in _BESIDE for at in range(len(word) - 3))
    return beside or (len(word) == 3 and any(word in row for row in _ROWS)) or _AGAIN_AND_AGAIN.search(word) is not None
