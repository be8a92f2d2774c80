"""Lines of text for the tests of the rules."""

from collections.abc import Mapping

from platekeeper_recognition.engines.protocol import Area, Reading
from platekeeper_recognition.lines import Line


def area(x: float, y: float, width: float = 120, height: float = 40, drop: float = 0) -> Area:
    """An area from (x, y); its right side `drop` pixels lower than its left."""
    return Area(((x, y), (x + width, y + drop), (x + width, y + height + drop), (x, y + height)))


def line(text: str | Mapping[str, float], x: float = 400, y: float = 300, **place: float) -> Line:
    """A line that surely says `text`, or what each confidence says."""
    said = {text: 0.95} if isinstance(text, str) else text
    return Line(area(x, y, **place), [Reading(each, confidence) for each, confidence in said.items()])
