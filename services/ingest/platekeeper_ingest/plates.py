"""How a plate is written down: A-Z and 0-9 only, whatever a recogniser in the camera put between them."""

import re
from collections.abc import Iterable

from platekeeper_common.errors import Invalid
from platekeeper_common.events.recognition import Candidate

LONGEST = 10
"""Characters; NCIC's plate field holds as many."""
MOST_CANDIDATES = 10

_ORNAMENT = re.compile(r"[\s\-\u2010-\u2015\u2212.\u00b7\u2022\u2027\u2219\u22c5\u25cf\u30fb]+")
"""Spaces, dashes, dots and bullets."""
_WRITTEN = re.compile(r"[A-Z0-9]+")


def normalise(plate: str) -> str:
    """Upper-case, without spaces, dashes, dots and bullets. Raises Invalid `plate_invalid` naming why, never the plate.

    Letters beyond ASCII are refused, never changed into others ("ß" is not "SS").
    """
    bare = _ORNAMENT.sub("", plate)
    if not bare:
        raise Invalid("the plate has no characters", code="plate_invalid")
    bare = bare.upper() if bare.isascii() else bare
    if not _WRITTEN.fullmatch(bare):
        raise Invalid("the plate holds characters other than A-Z and 0-9", code="plate_invalid")
    if len(bare) > LONGEST:
        raise Invalid(f"the plate has {len(bare)} characters; up to {LONGEST} are taken", code="plate_invalid")
    return bare


def candidates(plate: str, confidence: float, others: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The plate itself first, then what else it may be, most likely first, none twice, up to ten.

    `plate` is normalised, the others are as they were sent. Raises Invalid `plate_invalid`.
    """
    ranked = {plate: Candidate(plate, confidence)}
    for other in sorted(others, key=lambda candidate: -candidate.confidence):
        written = normalise(other.plate)
        ranked.setdefault(written, Candidate(written, other.confidence))
    return tuple(ranked.values())[:MOST_CANDIDATES]
