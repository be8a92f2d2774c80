"""No use for immigration enforcement (clause J4, SB 54): free text that speaks of it is refused."""

import re

from platekeeper_common.errors import Refused

_IMMIGRATION = re.compile(
    r"immigra|deport|undocumented|customs enforcement|border patrol|removal order|visa overstay|\baliens?\b"
    r"|\badmin(?:istrative)? (?:arrest )?warrants?\b|\bcivil detainer|\bice (?:hold|detainer|warrant|agent|request)"
)


def refuse_immigration(*texts: str | None) -> None:
    """Raise Refused `immigration_refused` when a text speaks of immigration or an administrative warrant (J4)."""
    for text in texts:
        if text and _IMMIGRATION.search(re.sub(r"[\s_-]+", " ", text.lower())):
            raise Refused(
                "nothing here serves immigration enforcement or administrative warrants",
                code="immigration_refused",
                clause="J4",
            )
