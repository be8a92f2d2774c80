"""A contact sheet of the plates that were not read exactly."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from platekeeper.bench.causes import Miss
from platekeeper_common.events.recognition import Box
from platekeeper_recognition.measure import Outcome

COLUMNS, MOST = 5, 250
"""More misses than MOST are counted in the title, not drawn."""
_WIDTH, _HEIGHT, _TEXT, _RIM = 240, 120, 62, 6
_TITLE = 30
_MARGIN = 0.15
"""Around the true box, in heights of it."""
_INK, _PAPER, _WRONG, _LOOK_ALIKE = "#111111", "#ffffff", "#b3261e", "#9a6700"


def draw(misses: Sequence[Miss], folder: Path, title: str) -> Image.Image:
    """Each plate as its true box shows it in the picture in `folder`, with the truth, what was read, and the cause.

    What was read is red, and brown where O or I alone is wrong. It shows photographs: think before you publish one.
    """
    drawn = misses[:MOST]
    rows = -(-len(drawn) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * _WIDTH, _TITLE + rows * (_HEIGHT + _TEXT)), _PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    left_out = f", the first {MOST} of them" if len(misses) > MOST else ""
    pen.text((_RIM, _RIM), f"{title}: {len(misses)} not read exactly{left_out}", _INK, font)
    for place, miss in enumerate(drawn):
        x, y = place % COLUMNS * _WIDTH, _TITLE + place // COLUMNS * (_HEIGHT + _TEXT)
        crop = _crop(folder / miss.file, miss.outcome.truth.box)
        page.paste(crop, (x + (_WIDTH - crop.width) // 2, y + (_HEIGHT - crop.height) // 2))
        pen.text((x + _RIM, y + _HEIGHT), f"shows {miss.outcome.truth.plate}", _INK, font)
        colour = _LOOK_ALIKE if miss.outcome.folded else _WRONG
        pen.text((x + _RIM, y + _HEIGHT + 18), _read(miss.outcome), colour, font)
        pen.text((x + _RIM, y + _HEIGHT + 36), miss.cause or f"{miss.guess}?", _INK, font)
    return page


def _read(outcome: Outcome) -> str:
    if outcome.read is None:
        return "nothing read"
    return f"read {outcome.text}  ({outcome.read.candidates[0].confidence:.2f})"


def _crop(path: Path, box: Box) -> Image.Image:
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    return ImageOps.contain(upright.crop(_around(box, upright.size)), (_WIDTH - 2 * _RIM, _HEIGHT - 2 * _RIM))


def _around(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the picture that shows the box, at least a pixel of it."""
    more = round(box.height * _MARGIN)
    left, top = min(max(box.x - more, 0), size[0] - 1), min(max(box.y - more, 0), size[1] - 1)
    right, bottom = min(box.x + box.width + more, size[0]), min(box.y + box.height + more, size[1])
    return left, top, max(right, left + 1), max(bottom, top + 1)
