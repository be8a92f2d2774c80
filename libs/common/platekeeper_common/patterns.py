"""Plates of which not every character is known: `?` stands for one character, `*` for any number of them, even none."""

import re
from dataclasses import dataclass
from functools import cached_property

from platekeeper_common import plates
from platekeeper_common.errors import Invalid

STARS_AT_MOST = 2
"""In one pattern; products of the field allow as many."""
NEIGHBOURS_AT_LEAST = 3
"""Known characters side by side that bound a pattern by themselves (A7)."""

_WRITTEN = re.compile(r"[A-Z0-9?*]+")
_WILD = re.compile(r"[?*]+")


@dataclass(frozen=True)
class Pattern:
    """A plate with wildcards, as `parse` writes it: patterns that mean the same are equal."""

    text: str
    """A-Z 0-9 ? and *; of neighbouring wildcards each `?` stands before the one `*`."""

    def matches(self, plate: str) -> bool:
        """Whether a normalised plate is one of those meant."""
        return self._expression.fullmatch(plate) is not None

    @property
    def known(self) -> int:
        """How many characters are known."""
        return sum(character not in "?*" for character in self.text)

    @property
    def beginning(self) -> str:
        """The known characters before the first wildcard: the range of a sorted index in which its plates stand."""
        return _WILD.split(self.text)[0]

    @property
    def longest_run(self) -> int:
        """The most known characters that stand side by side: what an index over three of them can find."""
        return max(len(run) for run in _WILD.split(self.text))

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.text.replace("?", ".").replace("*", ".*"))


def is_pattern(text: str) -> bool:
    """Whether the text holds a wildcard."""
    return _WILD.search(text) is not None


def parse(text: str, name: str = "the pattern") -> Pattern:
    """The pattern, upper-case, without spaces, dashes, dots and bullets.

    Raises Invalid `pattern_invalid`, which says what is wrong with `name` and never repeats it: other characters, none
    that is known, more than two `*`, or more than ten characters besides them.
    """
    written = plates.bare(text)
    if not _WRITTEN.fullmatch(written):
        raise Invalid(f"{name} holds characters other than A-Z, 0-9, ? and *", code="pattern_invalid")
    written = _WILD.sub(lambda run: "?" * run[0].count("?") + "*" * ("*" in run[0]), written)
    if not written.strip("?*"):
        raise Invalid(f"{name} holds no character that is known", code="pattern_invalid")
    if written.count("*") > STARS_AT_MOST:
        raise Invalid(f"{name} holds more than {STARS_AT_MOST} *", code="pattern_invalid")
    if (length := len(written.replace("*", ""))) > plates.LONGEST:
        raise Invalid(
            f"{name} has {length} characters besides *; up to {plates.LONGEST} are taken", code="pattern_invalid"
        )
    return Pattern(written)
