"""How plates of a region are numbered and coloured: `designs.toml`, and serials drawn by it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from numpy.random import Generator

LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
SEPARATORS = " -.*"
"""In a serial: a gap, a dash, a dot, a small picture. None is part of what a reader says."""
_VANITY = 0.14
"""Of United States plates: what an owner chose."""
_PARTED = 0.15
"""Of United States serials with a gap: those with a picture in it."""
_LOOK_ALIKES = 0.12
"""Of serials: some characters are changed for those that cameras confuse."""
_CONFUSED = ("0DOQ", "8B", "1I7T", "5S", "2Z", "6G", "VYU", "MNHW", "EF", "CG", "4A", "3J")
_SPECIALS = (
    *("9999", "99999", "A9999", "9999A", "999A", "A999", "AAAA", "AAA9", "99AA", "9A99", "9AA99", "999AA", "AA999"),
    *("999999", "AAA99", "99A999", "9*999A", "9*9999", "99*9999", "9-9999", "A*999", "99 999", "AA 99", "00999", "999"),
)
_VOWELS, _CONSONANTS = "AEIOUY", "BCDFGHJKLMNPQRSTVWXZ"

Colour = tuple[int, int, int]
"""Blue, green, red."""


@dataclass(frozen=True, slots=True)
class Design:
    """Plates of one region."""

    region: str
    """`us-ca`, `eu-de`, `br` ..."""
    serials: tuple[str, ...]
    """The usual ones first: A a letter, 9 a digit, SEPARATORS between."""
    colours: tuple[tuple[Colour, Colour], ...]
    """Background and ink."""
    above: tuple[str, ...]
    below: tuple[str, ...]
    strip: str
    """Where a blue strip with the country stands: `left`, `both`, `above` or `none`."""

    @property
    def american(self) -> bool:
        """Whether it has the United States' proportions, two to one."""
        return self.region.startswith("us")

    def serial(self, random: Generator) -> str:
        """A serial with its separators."""
        if self.american and random.random() < _VANITY:
            return vanity(random)
        wanted = self.serials[min(int(random.exponential(1.1)), len(self.serials) - 1)]
        if self.american and random.random() < _PARTED:
            wanted = wanted.replace(" ", "*").replace("-", "*")
        drawn = "".join(_drawn(sign, random) for sign in wanted)
        return _confused(drawn, random) if random.random() < _LOOK_ALIKES else drawn


@cache
def designs() -> Mapping[str, Design]:
    """Every design, by region."""
    told = tomllib.loads(Path(__file__).with_name("designs.toml").read_text(encoding="utf-8"))
    return {region: _design(region, one) for region, one in told.items()}


def vanity(random: Generator) -> str:
    """What an owner may have chosen: syllables, initials and numbers, two to eight characters."""
    length = int(random.integers(2, 9))
    text = ""
    while len(text) < length:
        kind = random.random()
        if kind < 0.6:
            text += _one(_CONSONANTS, random) + _one(_VOWELS, random)
        elif kind < 0.8:
            text += _one(LETTERS, random)
        else:
            text += _one(DIGITS, random)
    text = text[:length]
    if length > 3 and random.random() < 0.4:
        cut = int(random.integers(1, length))
        text = f"{text[:cut]}{_one('    -*', random)}{text[cut:]}"
    return text


def special(random: Generator) -> str:
    """A short serial, as plates with an emblem bear: of clubs, counties, colleges, trucks, veterans."""
    return "".join(_drawn(sign, random) for sign in _SPECIALS[int(random.integers(len(_SPECIALS)))])


def _design(region: str, told: Mapping[str, list[str] | str]) -> Design:
    colours = [pair.split("/") for pair in told["colours"]]
    return Design(
        region=region,
        serials=tuple(told["serials"]),
        colours=tuple((_colour(background), _colour(ink)) for background, ink in colours),
        above=tuple(told.get("above", ())),
        below=tuple(told.get("below", ())),
        strip=str(told.get("strip", "none")),
    )


def _colour(written: str) -> Colour:
    red, green, blue = bytes.fromhex(written)
    return blue, green, red


def _drawn(sign: str, random: Generator) -> str:
    if sign == "A":
        return _one(LETTERS, random)
    return _one(DIGITS, random) if sign == "9" else sign


def _confused(serial: str, random: Generator) -> str:
    """Some characters changed within their look-alikes: a reader that leans on the format alone must fail here."""
    changed = list(serial)
    for place, sign in enumerate(serial):
        group = next((group for group in _CONFUSED if sign in group), None)
        if group is not None and random.random() < 0.4:
            changed[place] = _one(group, random)
    return "".join(changed)


def _one(signs: str, random: Generator) -> str:
    return signs[int(random.integers(len(signs)))]
