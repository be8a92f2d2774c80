"""From a picture in good light to what a camera makes of it: angle, light, weather, distance, noise, compression."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from platekeeper_training.drawing.paint import Floats, Picture

Corners = NDArray[np.float32]
"""4 x 2: pixels from the left and the top, clockwise from the plate's upper left."""


@dataclass(frozen=True, slots=True)
class Hardness:
    """How bad pictures get. 0: all easy; 1: as bad as real ones that a person can still read."""

    share: float = 1.0

    def upto(self, worst: float) -> float:
        """`worst` at full hardness."""
        return worst * self.share


def corners(width: float, height: float, random: Generator, hardness: Hardness) -> Corners:
    """Where the corners of a flat plate of that size come to lie when it is seen from the side, turned about 0, 0."""
    yaw, pitch = (random.normal(0, hardness.upto(22)) * np.pi / 180 for _ in range(2))
    pitch *= 0.6
    roll = random.normal(0, hardness.upto(5)) * np.pi / 180
    shear = random.normal(0, hardness.upto(0.08))
    flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) * (width / 2, height / 2)
    away = width * random.uniform(3, 9)
    x = flat[:, 0] * np.cos(yaw)
    y = flat[:, 1] * np.cos(pitch)
    z = away + flat[:, 0] * np.sin(yaw) + flat[:, 1] * np.sin(pitch)
    x, y = x * away / z, y * away / z
    x, y = x * np.cos(roll) - y * np.sin(roll) + shear * y, x * np.sin(roll) + y * np.cos(roll)
    return np.stack([x, y], 1).astype(np.float32)


def place(plate: Picture, onto: Picture, where: Corners, random: Generator) -> None:
    """Put the plate onto a picture, its corners where said, with a soft rim and maybe a shadow."""
    height, width = plate.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(flat, where)
    size = (onto.shape[1], onto.shape[0])
    warped = cv2.warpPerspective(plate, turn, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    rim = np.full((height, width), 255, np.uint8)
    cover = cv2.warpPerspective(rim, turn, size, flags=cv2.INTER_LINEAR)[..., None].astype(np.float32) / 255
    if random.random() < 0.5:
        shadow = cv2.GaussianBlur(cover, (0, 0), max(height * 0.03, 0.5))
        onto[:] = (onto * (1 - 0.5 * np.roll(shadow, int(height * 0.04), 0).reshape(*cover.shape))).astype(np.uint8)
    onto[:] = (onto * (1 - cover) + warped * cover).astype(np.uint8)


def light(picture: Floats, random: Generator, hardness: Hardness) -> Floats:
    """Exposure, contrast, colour of the light, shadows, glare; at night dark or lit from the camera."""
    picture = picture * random.uniform(1 - hardness.upto(0.6), 1 + hardness.upto(0.35))
    middle = float(picture.mean())
    picture = (picture - middle) * random.uniform(1 - hardness.upto(0.6), 1.15) + middle
    picture = picture * (1 + random.normal(0, hardness.upto(0.07), 3)).astype(np.float32)
    if random.random() < hardness.upto(0.35):
        picture = picture * _slope(picture, random, hardness)
    if random.random() < hardness.upto(0.2):
        picture = _shadow(picture, random)
    if random.random() < hardness.upto(0.12):
        picture = picture + _spot(picture, random)
    if random.random() < 0.15:
        picture = np.repeat(picture @ np.array([[0.114], [0.587], [0.299]], np.float32), 3, axis=2)
    if random.random() < hardness.upto(0.12):
        picture = np.clip(picture, 0, 255) ** 1.6 / 255**0.6 * random.uniform(0.4, 0.9)
    if random.random() < hardness.upto(0.13):
        picture = picture * random.uniform(0.06, 0.4) + random.uniform(0, 25)
    return picture.astype(np.float32)


def sensor(picture: Floats, random: Generator, hardness: Hardness, *, across: float) -> Picture:
    """Distance, focus, motion, rain, noise and compression; `across`: how many pixels of the result are real detail."""
    height, width = picture.shape[:2]
    scale = min(across / width, 1.0)
    small = cv2.resize(
        picture, (max(round(width * scale), 8), max(round(height * scale), 5)), interpolation=cv2.INTER_AREA
    )
    if random.random() < hardness.upto(0.5):
        small = cv2.GaussianBlur(small, (0, 0), random.uniform(0.2, 0.3 + hardness.upto(0.9)))
    if random.random() < hardness.upto(0.25):
        small = _moved(small, random, hardness.upto(0.035) * small.shape[1])
    if random.random() < hardness.upto(0.08):
        small = _rain(small, random)
    small = small + random.normal(0, 1, small.shape).astype(np.float32) * random.exponential(hardness.upto(6))
    if random.random() < 0.15:
        small = small + (small - cv2.GaussianBlur(small, (0, 0), 1.0)) * random.uniform(0.5, 1.5)
    taken = np.clip(small, 0, 255).astype(np.uint8)
    if random.random() < 0.7:
        quality = int(random.uniform(100 - hardness.upto(87), 98))
        _, packed = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, quality])
        taken = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return taken


def _slope(picture: Floats, random: Generator, hardness: Hardness) -> Floats:
    height, width = picture.shape[:2]
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    slope = 1 + hardness.upto(0.5) * random.uniform(0, 1) * (x * np.cos(angle) + y * np.sin(angle))
    return slope[..., None].astype(np.float32)


def _shadow(picture: Floats, random: Generator) -> Floats:
    height, width = picture.shape[:2]
    cover = np.zeros((height, width), np.float32)
    corners = random.uniform((-0.3 * width, -0.3 * height), (1.3 * width, 1.3 * height), (3, 2)).astype(np.int32)
    cv2.fillPoly(cover, [corners], 1.0, cv2.LINE_AA)
    cover = cv2.GaussianBlur(cover, (0, 0), random.uniform(0.5, 4))
    return np.asarray(picture * (1 - cover[..., None] * random.uniform(0.2, 0.65)), np.float32)


def _spot(picture: Floats, random: Generator) -> Floats:
    height, width = picture.shape[:2]
    cover = np.zeros((height, width), np.float32)
    centre = (int(random.uniform(0, width)), int(random.uniform(0, height)))
    axes = (int(width * random.uniform(0.05, 0.3)) + 1, int(height * random.uniform(0.05, 0.4)) + 1)
    cv2.ellipse(cover, centre, axes, float(random.uniform(0, 180)), 0, 360, 1.0, -1)
    cover = cv2.GaussianBlur(cover, (0, 0), height * 0.1 + 1)
    return np.asarray(cover[..., None] * random.uniform(60, 220), np.float32)


def _moved(picture: Floats, random: Generator, longest: float) -> Floats:
    length = max(int(random.uniform(2, max(longest, 3))), 2)
    kernel = np.zeros((length, length), np.float32)
    angle = random.normal(0, 0.35) if random.random() < 0.7 else random.uniform(0, np.pi)
    half = (length - 1) / 2
    end = (half + half * np.cos(angle), half + half * np.sin(angle))
    begin = (half - half * np.cos(angle), half - half * np.sin(angle))
    cv2.line(kernel, (round(begin[0]), round(begin[1])), (round(end[0]), round(end[1])), 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / max(kernel.sum(), 1)), np.float32)


def _rain(picture: Floats, random: Generator) -> Floats:
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), np.float32)
    slant = random.normal(0, 0.2)
    for _ in range(int(random.integers(5, 40))):
        x, y, long = random.uniform(0, width), random.uniform(0, height), height * random.uniform(0.1, 0.5)
        cv2.line(streaks, (int(x), int(y)), (int(x + slant * long), int(y + long)), float(random.uniform(0.2, 1)), 1)
    soft = cv2.GaussianBlur(streaks, (0, 0), 0.6)[..., None]
    return np.asarray(picture * 0.9 + soft * random.uniform(30, 110), np.float32)
