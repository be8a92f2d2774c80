"""Characters from free fonts: European dies, and the lettering of names, slogans and stickers.

The fonts are npm packages (Fontsource, OFL-1.1), packed once by `npm pack` into a folder of the training's own.
"""

import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from platekeeper_training.drawing.dies import Mask

SERIAL = (
    ("barlow-condensed", 500),
    ("barlow-condensed", 600),
    ("overpass", 600),
    ("saira-extra-condensed", 600),
    ("saira-condensed", 600),
    ("roboto-condensed", 700),
    ("archivo-narrow", 600),
    ("pt-sans-narrow", 700),
    ("oswald", 500),
    ("antonio", 600),
    ("rajdhani", 700),
    ("khand", 600),
    ("pathway-gothic-one", 400),
    ("fjalla-one", 400),
    ("bebas-neue", 400),
    ("share-tech-mono", 400),
    ("league-gothic", 400),
    ("big-shoulders-display", 700),
)
LETTERING = (
    ("pacifico", 400),
    ("courgette", 400),
    ("playfair-display", 700),
    ("roboto-slab", 700),
    ("overpass", 700),
    ("roboto-condensed", 700),
    ("oswald", 500),
)


@dataclass(frozen=True, slots=True)
class Face:
    """One weight of one font, in one proportion."""

    font: Path
    width: float = 1.0
    """Of the font's own width."""

    def draw(self, character: str, height: int) -> Mask:
        """The character alone, cut tight; capitals are `height` pixels high."""
        return lettering(character, self.font, height, self.width)


def lettering(text: str, font: Path, height: int, width: float = 1.0) -> Mask:
    """A line of text, cut tight; capitals are `height` pixels high."""
    face = _sized(font, height)
    left, top, right, bottom = face.getbbox(text)
    picture = Image.new("L", (max(round(right - left), 1), max(round(bottom - top), 1)))
    ImageDraw.Draw(picture).text((-left, -top), text, fill=255, font=face)
    if width != 1.0:
        picture = picture.resize((max(round(picture.width * width), 1), picture.height), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8)


@lru_cache(maxsize=2000)
def _sized(font: Path, height: int) -> ImageFont.FreeTypeFont:
    """The font in the size at which an H is `height` pixels high."""
    _, top, _, bottom = ImageFont.truetype(font, 100).getbbox("H")
    return ImageFont.truetype(font, max(round(100 * height / (bottom - top)), 1))


@cache
def files(folder: Path, wanted: tuple[tuple[str, int], ...]) -> tuple[Path, ...]:
    """The fonts as TrueType files in `folder`; those that are not there yet are packed and converted."""
    return tuple(_file(folder, name, weight) for name, weight in wanted)


def _file(folder: Path, name: str, weight: int) -> Path:
    path = folder / f"{name}-{weight}.ttf"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = next(folder.glob(f"fontsource-{name}-[0-9]*.tgz"), None) or _packed(folder, name)
        with tarfile.open(packed) as archive:
            member = archive.extractfile(f"package/files/{name}-latin-{weight}-normal.woff2")
            if member is None:
                raise FileNotFoundError(f"{packed} holds no weight {weight}")
            font = TTFont(BytesIO(member.read()))
        font.flavor = None
        part = path.with_suffix(".part")
        font.save(part)
        part.rename(path)
    return path


def _packed(folder: Path, name: str) -> Path:
    command = ["npm", "pack", "--silent", f"@fontsource/{name}"]
    told = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603
    return folder / told.stdout.strip().splitlines()[-1]
