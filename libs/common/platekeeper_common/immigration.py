"""No use for immigration enforcement (clause J4, SB 54): free text that speaks of it is refused.

A text is read as a person would: without accents and invisible characters, letters of other alphabets and digits as the
letters they look like, words that were hyphenated or spaced out as one.
"""

import re
import unicodedata

from platekeeper_common.errors import Refused

_IMMIGRATION = re.compile(
    r"[il]mm[il]gra|deport|undocumented|customs enforcement|border patrol|removal (?:order|proceeding)"
    r"|enforcement (?:and )?removal|visa overstay|\baliens?\b|\badmin(?:istrative)? (?:arrest )?warrants?\b"
    r"|\bcivil detainer|\bice (?:hold|detainer|warrant|agent|request|ero\b)"
)
_INVISIBLE = ("Cf", "Me", "Mn")
"""Categories of what decomposed text holds beside its letters: joiners, soft hyphens, accents."""
_LOOKALIKES = str.maketrans("аеорсухіјѕԁмтгѵαεορινταμɡı", "aeopcyxijsdmtrvaeopintamgi")
"""Letters of Cyrillic, Greek and the phonetic alphabet, in lower case."""
_DIGITS = str.maketrans("013457@$!|", "oieastasii")
_MIXED = re.compile(r"[a-z][013457@$!|]|[013457@$!|][a-z]")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_WITHIN = re.compile(r"[^a-z0-9\s]+")
_SPELT = re.compile(r"\b(?:[a-z] ){2,}[a-z]\b")


def refuse_immigration(*texts: str | None) -> None:
    """Raise Refused `immigration_refused` when a text speaks of immigration or an administrative warrant (J4)."""
    if any(_IMMIGRATION.search(reading) for text in texts if text for reading in readings(text)):
        raise Refused(
            "nothing here serves immigration enforcement or administrative warrants",
            code="immigration_refused",
            clause="J4",
        )


def readings(text: str) -> set[str]:
    """The text in words of a-z and 0-9: signs taken for blanks or for nothing, digits for themselves or for letters."""
    letters = text.lower() if text.isascii() else _letters(text)
    readings = set()
    for written in (letters, letters.translate(_DIGITS)) if _MIXED.search(letters) else (letters,):
        apart = _BETWEEN.sub(" ", written)
        readings |= {apart, _SPELT.sub(_joined, apart), _BETWEEN.sub(" ", _WITHIN.sub("", written))}
    return readings


def _letters(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    shown = "".join(sign for sign in decomposed if unicodedata.category(sign) not in _INVISIBLE)
    return shown.casefold().translate(_LOOKALIKES)


def _joined(spelt: re.Match[str]) -> str:
    return spelt[0].replace(" ", "")
