"""How plates are numbered where we read them: facts for the rules of `domain`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlateFormats:
    """The serials of a region."""

    shapes: frozenset[str]
    """Every usual order of letters (A) and digits (9)."""
    rare_letters: frozenset[str] = frozenset()
    """Letters that most series leave out because they look like digits."""


_AMERICAN = """
    99999 999AA 999A9 99AAA 9999A 9AA9A AA999 A9999
    999999 99999A 9999AA 999AAA 999AA9 99AA99 99AAA9 99A999 9AAAA9 9AAA99 9AA999 9AA99A 9A9999
    A99999 A9999A A999AA A99AAA A9A999 AA9999 AA999A AA99AA AA9A9A AAA999 AAA99A AAAA99 AAAAA9
    9999999 99999A9 99999AA 9999AAA 999A999 99A999A 99A99A9 99A9A9A 99A9999 99AA999
    9AAA999 9AA9999 9AA999A 9A9999A 9A99A99 9A99999
    A999999 A99999A AA99999 AA9A999 AA9999A AAA9999 AAA999A AAAA999
"""

REGIONS: Mapping[str, PlateFormats] = {
    "us": PlateFormats(shapes=frozenset(_AMERICAN.split()), rare_letters=frozenset("IOQ")),
    "br": PlateFormats(shapes=frozenset({"AAA9999", "AAA9A99"})),
}
"""By the name that the settings use: the union over the states for `us`, the old and the Mercosul series for `br`."""
