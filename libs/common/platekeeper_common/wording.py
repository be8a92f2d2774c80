"""What a person writes as reason or number, read as a person would: forbidden purposes, empty words, made-up numbers.

Clause A4 asks for official business, so a private purpose is refused whatever it is called; clause A8 asks for a matter
that can be looked up, so words and numbers that only fill a field are refused with a hint of what to write.
"""

import re

from platekeeper_common.errors import Invalid, Refused
from platekeeper_common.immigration import readings, refuse_immigration_in

_PRIVATE_CODE = re.compile(
    r"\b(?:personal|private|curio|spouse|wife\b|husband\b|(?:girl|boy)friend|dating\b|friend|family\b"
    r"|favou?r\b|neighbou?r|stalk|ex\b|own_?use\b)"
)
"""A purpose's own name says less than a sentence does: there each of these words is enough."""
_PRIVATE_TEXT = re.compile(
    r"\b(?:personal (?:use|reasons?|interest|matters?|business|purposes?|check|look ?up|favou?r)"
    r"|curio(?:sity|us)\b|(?:just|only) (?:checking|looking|curious)\b|(?:out of|for) (?:interest|fun)\b"
    r"|favou?r (?:for|to)\b|for a friend\b"
    r"|my (?:own )?(?:car|ex|wife|husband|spouse|partner|(?:girl|boy)friend|neighbou?r|friend|son|daughter|brother"
    r"|sister|mother|father|landlord|tenant|date)\b"
    r"|(?:ex )?(?:wife|husband|spouse|girlfriend|boyfriend) (?:check|look ?up)\b)"
)
"""In a sentence a victim's husband may be named: only what the writer wants for the writer counts."""
_PRIVATE_ALONE = frozenset({"personal", "personally"})
"""Too little to go by within a sentence, and too much as all of it."""

_EMPTY_WORDS = frozenset(
    """
    a active again an and any asap at be business by car case check checked checking checks criminal data do
    duty for general good i in info information inquiry investigate investigating investigation investigations
    investigative is it job law le enforcement lookup look misc miscellaneous my n na need needed no none not
    nothing of official on ongoing or other per plate plates please police purpose purposes query reason reasons
    related request requested required run running search searching see stuff test testing tests that the this
    thing things to unknown up use valid various vehicle vehicles we work yes
    """.split()  # noqa: SIM905 - readable as words
)
_ROWS = ("qwertyuiop", "poiuytrewq", "asdfghjkl", "lkjhgfdsa", "zxcvbnm", "mnbvcxz")
_BESIDE = frozenset(row[at : at + 4] for row in _ROWS for at in range(len(row) - 3))
_AGAIN_AND_AGAIN = re.compile(r"(.)\1\1")
_WORD = re.compile(r"[a-z0-9]+")
_ALNUM = re.compile(r"[^A-Z0-9]+")
_COUNTED = ("0123456789", "1234567890", "9876543210")
LEAST_IN_NUMBER = 2
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
    return reading.strip() in _PRIVATE_ALONE or _PRIVATE_TEXT.search(reading) is not None


def demand_telling(reason: str) -> None:
    """Raise Invalid `reason_vague` when the words would not tell another person what this is about (A1, A4)."""
    words = _WORD.findall(reason.lower())
    if len(words) < 2 or not any(word not in _EMPTY_WORDS and not _mashed(word) for word in words):
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
    made_up = (
        len(plain) < LEAST_IN_NUMBER
        or not digits
        or len(set(plain)) == 1
        or set(digits) == {"0"}
        or (plain == digits and any(digits in run for run in _COUNTED))
        or "TEST" in plain
    )
    if made_up:
        raise Invalid(
            "that is no matter's number; when it is not known yet choose the matter with number_pending"
            " (PUT /v1/session/matter) and supply it within a day",
            code="matter_number_made_up",
            clause="A8",
        )


def _mashed(word: str) -> bool:
    """Whether a word is keys that lie beside each other, one letter again and again, or unpronounceable."""
    if word.isdigit():
        return len(set(word)) == 1
    beside = any(word[at : at + 4] in _BESIDE for at in range(len(word) - 3))
    repeated = _AGAIN_AND_AGAIN.search(word) is not None
    silent = word.isalpha() and len(word) > 3 and not set(word) & set("aeiouy")
    return beside or repeated or silent or len(word) < 2
