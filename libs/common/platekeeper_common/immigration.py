"""No use for immigration enforcement (clause J4, SB 54): free text that speaks of it is refused.

A text is read as a person would: without accents and invisible characters, letters of other alphabets and digits as the
letters they look like, words that were hyphenated or spaced out as one.
"""

import re
import unicodedata
from collections.abc import Iterable

from platekeeper_common.errors import Refused

_IMMIGRATION = re.compile(
    r"[il]mm[il]gra|\bi[mn]m?[aei]gra|\bmigra\b|deport|undocumented|customs enforcement|border patrol|\bcbp\b"
    r"|removal (?:order|proceeding)|enforcement (?:and )?removal|\bremovable (?:non ?citizen|person|subject)"
    r"|visa overstay|\bgreen card|\baliens?\b|\billegals\b|\b(?:an|the) illegal$|\bsecure communit|\b287 ?g\b"
    r"|\bi ?(?:200|247[ag]?)\b|\badmin(?:istrative)? (?:arrest |removal )?warrants?\b|\bcivil detainer"
    r"|\b(?:dhs|hsi|federal) ero\b|\bero (?:agent|officer|target|task force|team)"
)
_AGENCY = re.compile(
    r"^[il]ce$|\b[il]ce ?(?:hold|det\b|detainer|warrant|agent|request|ero\b|operation|arrest|raid|officer|pick ?up"
    r"|sweep|custody|enforcement|removal|task force|facility|field office|gov\b)"
    r"|\b(?:for|per|via|dhs|federal|contact|notify|call|(?<!due )to|(?:assist|help)(?:s|ed|ing)?"
    r"|(?:asked|needed|requested|sought|wanted) by|(?:request|call|tip|lead|mail|message|agents?|officers?) from"
    r"|(?:assist(?:s|ed|ing)?|coordinating|help(?:s|ed|ing)?|operation|work(?:s|ed|ing)?) with) ice\b"
    r"(?! ?(?:cream|cold|rink|skat|house|pick|chest|machine|box|hockey|plant|truck|vendor|storm|patch|cube|on\b))"
)
"""ICE as the agency: alone, with what it does, or with who works for it; the word also means what roads freeze to."""
_INVISIBLE = ("Cf", "Me", "Mn")
"""Categories of what decomposed text holds beside its letters: joiners, soft hyphens, accents."""
_LOOKALIKES = str.maketrans("аеорсухіјѕԁмтгѵαεορινταμɡı", "aeopcyxijsdmtrvaeopintamgi")
"""Letters of Cyrillic, Greek and the phonetic alphabet, in lower case."""
_DIGITS = str.maketrans("013457@$!|€", "oieastasiie")
_MIXED = re.compile(r"[a-z][013457@$!|€]|[013457@$!|€][a-z]")
_PLAIN = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
"""Words and single blanks, as most people write: there is one way to read the signs."""
_BETWEEN = re.compile(r"[^a-z0-9]+")
_WITHIN = re.compile(r"[^a-z0-9\s]+")
_SPELT = re.compile(r"\b(?:[a-z] ){2,}[a-z]\b")


def refuse_immigration(*texts: str | None) -> None:
    """Raise Refused `immigration_refused` when a text speaks of immigration or an administrative warrant (J4)."""
    refuse_immigration_in(reading for text in texts if text for reading in readings(text))


def refuse_immigration_in(read: Iterable[str]) -> None:
    """As `refuse_immigration`, of texts that `readings` has read already."""
    if any(_speaks_of_it(reading.strip()) for reading in read):
        raise Refused(
            "nothing here serves immigration enforcement or administrative warrants",
            code="immigration_refused",
            clause="J4",
        )


def readings(text: str) -> set[str]:
    """The text in words of a-z and 0-9: signs taken for blanks or for nothing, digits for themselves or for letters."""
    letters = text.lower() if text.isascii() else _letters(text)
    mixed = _MIXED.search(letters)
    if not mixed and _PLAIN.fullmatch(letters):
        return {letters, _SPELT.sub(_joined, letters)}
    readings = set()
    for written in (letters, letters.translate(_DIGITS)) if mixed else (letters,):
        apart = _BETWEEN.sub(" ", written)
        readings |= {apart, _SPELT.sub(_joined, apart), _BETWEEN.sub(" ", _WITHIN.sub("", written))}
    return readings


def _speaks_of_it(reading: str) -> bool:
    return _IMMIGRATION.search(reading) is not None or _AGENCY.search(reading) is not None


def _letters(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    shown = "".join(sign for sign in decomposed if unicodedata.category(sign) not in _INVISIBLE)
    return shown.casefold().translate(_LOOKALIKES)


def _joined(spelt: re.Match[str]) -> str:
    return spelt[0].replace(" ", "")
