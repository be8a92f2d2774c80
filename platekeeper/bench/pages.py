"""Pages whose tables are measured: the part between `<!-- NAME -->` and `<!-- end NAME -->` is written anew."""

import re
from collections.abc import Mapping
from pathlib import Path

_PART = re.compile(r"(<!-- (?P<name>[\w ]+) -->\n).*?(\n?<!-- end (?P=name) -->)", re.DOTALL)


class PageError(ValueError):
    """The page marks none of the parts that were measured."""


def fill(page: Path, parts: Mapping[str, str]) -> None:
    """Write the parts into the Markdown page; others' parts stay. Raises PageError, OSError."""
    text = page.read_text(encoding="utf-8")
    if not any(found["name"] in parts for found in _PART.finditer(text)):
        names = ", ".join(f"<!-- {name} --> ... <!-- end {name} -->" for name in parts)
        raise PageError(f"{page}: it marks none of {names}")

    def anew(found: re.Match[str]) -> str:
        if found["name"] not in parts:
            return found[0]
        return f"{found[1]}{parts[found['name']].rstrip()}\n{found[3].lstrip()}"

    page.write_text(_PART.sub(anew, text), encoding="utf-8")
