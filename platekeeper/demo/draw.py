"""Draws the demonstration's sample frames: invented plates on invented cars, day and night.

`python -m platekeeper.demo.draw` writes them anew into `frames/`; the same seed draws the same street. Everything is
drawn here, with the font that Pillow brings, so the project holds no photograph of anyone's car.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from platekeeper.demo.street import FRAMES, Sample

WIDTH, HEIGHT = 960, 540
FINE = 2
"""Frames are drawn this much larger and scaled down, for smooth edges."""
SEED = 20261122
PLATES = (
    "7SYN120",
    "6TST384",
    "8DMK257",
    "4PKR913",
    "9ALP046",
    "5RVW731",
    "3KEE862",
    "8HLT475",
    "6GRY294",
    "7NVS538",
)
"""In the form of California's passenger plates; none belongs to a car that we know of."""
PAINT = ("#7a1f24", "#1f3d66", "#c9ccd1", "#2d2f33", "#f1f1ee", "#3f5d46", "#8a6a3d", "#5b6470")

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Light:
    """How a frame is lit."""

    sky: Colour
    ground: Colour
    walls: Sequence[Colour]
    shade: float
    """What is left of the paint's brightness, 0..1."""
    plate: Colour
    noise: float


DAY = Light((176, 202, 226), (92, 93, 96), ((171, 158, 140), (146, 150, 153), (188, 176, 160)), 1.0, (244, 244, 240), 4)
NIGHT = Light((13, 17, 30), (29, 30, 34), ((27, 28, 36), (21, 23, 31), (33, 31, 35)), 0.42, (232, 234, 228), 6)


def draw_all() -> tuple[Sample, ...]:
    """Write every frame and `frames.json`; the samples."""
    FRAMES.mkdir(exist_ok=True)
    samples = []
    for number, plate in enumerate(PLATES):
        night = number % 3 == 2
        dice = random.Random(SEED + number)  # noqa: S311 - a picture, not a secret
        sample = Sample(f"{number + 1:02d}.jpg", plate, number % 3, "night" if night else "day")
        draw_frame(plate, NIGHT if night else DAY, dice).save(FRAMES / sample.file, quality=80)
        samples.append(sample)
    (FRAMES / "frames.json").write_text(json.dumps([asdict(sample) for sample in samples], indent=1) + "\n")
    return tuple(samples)


def draw_frame(plate: str, light: Light, dice: random.Random) -> Image.Image:
    """One frame, 960 x 540 RGB: a street, a car seen from behind, and its plate."""
    picture = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), light.sky)
    _street(picture, light, dice)
    centre = dice.randint(380, 580) * FINE
    size = dice.uniform(0.92, 1.12) * FINE
    _car(picture, centre, size, dice.choice(PAINT), light)
    _mount(
        picture, _plate(plate, light), centre + dice.randint(-3, 3), int((470 - 85 * size / FINE) * FINE), size, dice
    )
    frame = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    frame = frame.filter(ImageFilter.GaussianBlur(0.5))
    return _noisy(frame, light.noise, dice)


def _street(picture: Image.Image, light: Light, dice: random.Random) -> None:
    """Houses along a straight road towards the horizon."""
    pen, width, height = ImageDraw.Draw(picture), picture.width, picture.height
    horizon, left = int(height * 0.42), 0
    while left < width:
        right = left + dice.randint(90, 190) * FINE
        top = horizon - dice.randint(50, 190) * FINE
        pen.rectangle((left, top, right, horizon), fill=dice.choice(light.walls))
        _windows(pen, (left, top, right, horizon), light, dice)
        left = right
    pen.rectangle((0, horizon, width, height), fill=light.ground)
    kerb = _dim((150, 150, 148), 1.0 if light is DAY else 0.35)
    vanish = (width // 2, horizon)
    for side in (-0.35, 1.35):
        pen.line((*vanish, width * side, height), fill=kerb, width=5 * FINE)
    for near in range(6):
        start, end = (horizon + (height - horizon) * (place / 6) ** 2 for place in (near, near + 0.5))
        shift = (width * 0.18) / (height - horizon)
        pen.line(
            (vanish[0] - (start - horizon) * shift, start, vanish[0] - (end - horizon) * shift, end),
            fill=_dim((214, 205, 160), 1.0 if light is DAY else 0.4),
            width=max(2, near) * FINE,
        )


def _windows(pen: ImageDraw.ImageDraw, wall: tuple[int, int, int, int], light: Light, dice: random.Random) -> None:
    left, top, right, bottom = wall
    for x in range(left + 14 * FINE, right - 22 * FINE, 30 * FINE):
        for y in range(top + 12 * FINE, bottom - 26 * FINE, 34 * FINE):
            lit = light is NIGHT and dice.random() < 0.3
            glass = (222, 190, 120) if lit else _dim((96, 112, 128), light.shade)
            pen.rectangle((x, y, x + 14 * FINE, y + 18 * FINE), fill=glass)


def _car(picture: Image.Image, centre: int, size: float, paint: str, light: Light) -> None:
    """A saloon from behind, its bumper 400 pixels down."""
    pen = ImageDraw.Draw(picture)
    body = _dim(_rgb(paint), light.shade)
    dark, glass = _dim((24, 25, 28), max(light.shade, 0.5)), _dim((58, 70, 82), light.shade)

    def at(x: float, y: float) -> tuple[float, float]:
        return centre + x * size, 470 * FINE + (y - 470) * size

    pen.ellipse((*at(-235, 440), *at(235, 486)), fill=_dim(light.ground, 0.45))
    for wheel in (-178, 132):
        pen.rounded_rectangle((*at(wheel, 400), *at(wheel + 46, 474)), 12 * size, fill=dark)
    pen.polygon([at(-140, 270), at(-108, 205), at(108, 205), at(140, 270)], fill=body)
    pen.polygon([at(-118, 268), at(-94, 216), at(94, 216), at(118, 268)], fill=glass)
    pen.rounded_rectangle((*at(-200, 262), *at(200, 440)), 30 * size, fill=body)
    pen.line((*at(-196, 300), *at(196, 300)), fill=_dim(body, 0.75), width=int(2 * size))
    pen.rounded_rectangle((*at(-206, 404), *at(206, 446)), 14 * size, fill=_dim(body, 0.82))
    pen.rounded_rectangle((*at(-96, 344), *at(96, 426)), 8 * size, fill=_dim(body, 0.68))
    lamp = (196, 34, 30) if light is DAY else (255, 62, 48)
    for left in (-194, 126):
        pen.rounded_rectangle((*at(left, 312), *at(left + 68, 356)), 10 * size, fill=lamp)
    if light is NIGHT:
        _glow(picture, [at(-160, 334), at(160, 334)], size)


def _glow(picture: Image.Image, lamps: Sequence[tuple[float, float]], size: float) -> None:
    halo = Image.new("RGB", picture.size)
    pen = ImageDraw.Draw(halo)
    for x, y in lamps:
        pen.ellipse((x - 60 * size, y - 40 * size, x + 60 * size, y + 40 * size), fill=(120, 16, 10))
    picture.paste(ImageChops.add(picture, halo.filter(ImageFilter.GaussianBlur(26 * size))))


def _plate(text: str, light: Light) -> Image.Image:
    """The plate alone, 12 by 6 inches at 50 pixels an inch, with its state above and a frame around."""
    plate = Image.new("RGBA", (600, 300), (0, 0, 0, 0))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((0, 0, 599, 299), 26, fill=(*light.plate, 255), outline=(60, 62, 66, 255), width=5)
    pen.text((300, 44), "California", font=ImageFont.load_default(44), fill=(172, 34, 44, 255), anchor="mm")
    cell = 544 // len(text)
    for place, character in enumerate(text):
        stamp = _character(character, int(cell * 0.8))
        plate.paste((24, 38, 96, 255), (28 + cell * place + (cell - stamp.width) // 2, 92), stamp)
    return plate


def _character(character: str, width: int) -> Image.Image:
    """A mask of one character as plates have them: tall, narrow, all of one width but for the 1."""
    font = ImageFont.load_default(200)
    left, top, right, bottom = font.getbbox(character, stroke_width=4)
    mask = Image.new("L", (int(right - left), int(bottom - top)))
    pen = ImageDraw.Draw(mask)
    pen.text((-left, -top), character, font=font, fill=255, stroke_width=4, stroke_fill=255)
    return mask.resize((width // 2 if character == "1" else width, 168), Image.Resampling.LANCZOS)


def _mount(
    picture: Image.Image, plate: Image.Image, centre: int, middle: int, size: float, dice: random.Random
) -> None:
    """Hang the plate on the car, a little turned away and a little crooked."""
    width, height = int(136 * size), int(68 * size)
    right, low = plate.size
    near, far = sorted((0.0, dice.uniform(-14, 14)))
    corners = (0, near, 0, low - near, right, low - far, right, far)
    hung = plate.transform(plate.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    hung = hung.resize((width, height), Image.Resampling.LANCZOS).rotate(
        dice.uniform(-1.6, 1.6), Image.Resampling.BICUBIC, expand=True
    )
    picture.paste(hung, (centre - hung.width // 2, middle - hung.height // 2), hung)


def _noisy(frame: Image.Image, sigma: float, dice: random.Random) -> Image.Image:
    """Sensor noise, the same for the same seed."""
    grain = Image.frombytes("L", frame.size, dice.randbytes(frame.width * frame.height))
    spread = grain.point(lambda value: int(128 + (value - 128) * sigma / 74))
    return ImageChops.add(frame, Image.merge("RGB", [spread] * 3), 1, -128)


def _dim(colour: Colour, left: float) -> Colour:
    red, green, blue = colour
    return int(red * left), int(green * left), int(blue * left)


def _rgb(paint: str) -> Colour:
    return int(paint[1:3], 16), int(paint[3:5], 16), int(paint[5:7], 16)


if __name__ == "__main__":
    draw_all()
