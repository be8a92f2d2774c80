"""What no text may hold: U+0000, which PostgreSQL takes in no text, and half of a surrogate pair, which is no UTF-8."""

import re
from collections.abc import Mapping
from typing import Any

from platekeeper_common.errors import Invalid

_UNFIT = re.compile("[\0\ud800-\udfff]")


def demand(*values: Any) -> None:
    """Raise Invalid `text_invalid` when a text somewhere in JSON values, names included, holds such a character."""
    if any(unfit(value) for value in values):
        detail = "a text holds U+0000 or half of a surrogate pair (U+D800 to U+DFFF), which are part of no text"
        raise Invalid(detail, code="text_invalid")


def unfit(value: Any) -> bool:
    """Whether a text somewhere in a JSON value holds such a character; however deep the value is."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if _UNFIT.search(one):
                return True
        elif isinstance(one, Mapping):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
    return False


def mended(text: str) -> str:
    """The text with U+FFFD for each such character: what must be recorded is, whatever it says."""
    return _UNFIT.sub("\ufffd", text)
