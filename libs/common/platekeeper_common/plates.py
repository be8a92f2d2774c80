"""How a plate is written down, everywhere alike: a search finds what a camera read and a hot list names."""

import re

from platekeeper_common.errors import Invalid

LONGEST = 10
"""Characters; NCIC's plate field holds as many."""

_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI US"
)
_PROVINCES = "AB BC MB NB NL NS NT NU ON PE QC SK YT"
STATES = frozenset(_STATES.split())
"""Postal codes of the states, the District and territories, and `US` for federal plates."""
ISSUERS = STATES | frozenset(_PROVINCES.split())
"""These, and Canada's provinces."""

_ORNAMENT = re.compile(r"[ \t\u00a0_\-\u2010-\u2015\u2212.\u00b7\u2022\u2027\u2219\u22c5\u25cf\u30fb]+")
"""Spaces, dashes, dots and bullets."""
_WRITTEN = re.compile(r"[A-Z0-9]+")


def normalise(text: str, name: str = "the plate") -> str:
    """Upper-case, A-Z and 0-9 only, without spaces, dashes, dots and bullets.

    Letters beyond ASCII are refused, never changed into others ("ß" is not "SS"). Raises Invalid `plate_invalid`, which
    says what is wrong with `name` and never repeats the plate.
    """
    if len(text) <= LONGEST and _WRITTEN.fullmatch(text):
        return text
    written = bare(text)
    if not written:
        raise Invalid(f"{name} has no characters", code="plate_invalid")
    if not _WRITTEN.fullmatch(written):
        raise Invalid(f"{name} holds characters other than A-Z and 0-9", code="plate_invalid")
    if len(written) > LONGEST:
        raise Invalid(f"{name} has {len(written)} characters; up to {LONGEST} are taken", code="plate_invalid")
    return written


def bare(text: str) -> str:
    """The text without spaces, dashes, dots and bullets; in upper case when all of it is ASCII."""
    kept = _ORNAMENT.sub("", text)
    return kept.upper() if kept.isascii() else kept


def is_normalised(text: str) -> bool:
    """Whether it is written as `normalise` writes; it may be longer."""
    return _WRITTEN.fullmatch(text) is not None


def issuing_state(text: str | None) -> str | None:
    """The postal code in upper case; None when it is not known. Raises Invalid `state_unknown`."""
    if text is None:
        return None
    state = text.strip().upper()
    if state not in ISSUERS:
        raise Invalid(
            "the state must be the postal code of a state or province; leave it out for any other issuer",
            code="state_unknown",
        )
    return state
