"""Pages whose tables are measured: the part between `<!-- NAME -->` and `<!-- end NAME -->` is written anew."""

import re
from collections.abc import Mapping
from pathlib import Path

_PART = re.compile(r"(<!-- (?P<name>[\w ]+) -->\n).*?(\n?<!-- end (?P=name) -->)", re.DOTALL)


class PageError(ValueError):
    """The page has no part that is measured, or one that nothing is known of."""


def fill(page: Path, parts: Mapping[str, str]) -> None:
    """Write the parts into the Markdown page. Raises PageError, OSError."""
    text = page.read_text(encoding="utf-8")
    names = [found["name"] for found in _PART.finditer(text)]
    if not names:
        raise PageError(f"{page}: no part is marked, as in <!-- {next(iter(parts))} --> ... <!-- end ... -->")
    if unknown := [name for name in names if name not in parts]:
        raise PageError(f"{page}: {unknown[0]!r} is none of {', '.join(parts)}")
    filled = _PART.sub(lambda found: f"{found[1]}{parts[found['name']].rstrip()}\n{found[3].lstrip()}", text)
    page.write_text(filled, encoding="utf-8")
