"""Pictures brought to a network's size, and a detector's raw boxes brought back: letterbox, suppression, places."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from platekeeper_recognition.engines.protocol import Picture, Spot

GREY = 114
"""Of the bars around a picture (as in ultralytics, so that both see the same)."""
STRIDE = 32
"""Sides of what a detector takes are multiples of this."""
OVERLAP = 0.45
"""Intersection over union from which the less sure of two boxes is the same plate again."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture of `width` x `height` pixels was brought to a detector's size."""

    width: int
    height: int
    scale: float
    left: int
    """Pixels of the bar at the left, and of that above."""
    top: int


def letterbox(picture: Picture, longest_side: int) -> tuple[Picture, Fit]:
    """The picture with its longer side `longest_side` pixels, between grey bars up to multiples of STRIDE."""
    height, width = picture.shape[:2]
    scale = longest_side / max(height, width)
    wide, high = max(round(width * scale), 1), max(round(height * scale), 1)
    across, down = -wide % STRIDE, -high % STRIDE
    left, top = across // 2, down // 2
    fitted = np.full((high + down, wide + across, 3), GREY, dtype=np.uint8)
    fitted[top : top + high, left : left + wide] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_LINEAR)
    return fitted, Fit(width, height, scale, left, top)


def stretched(picture: Picture, width: int, height: int) -> Picture:
    """The picture at that size, whatever its proportions were: by averaging where it becomes narrower."""
    how = cv2.INTER_AREA if picture.shape[1] > width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), dtype=np.uint8)


def spots(output: NDArray[np.float32], fit: Fit, threshold: float) -> list[Spot]:
    """The plates in a detector's raw output for one picture, surest first, in pixels of that picture.

    `output` is 5 x anchors: centre x, centre y, width, height in pixels of the letterboxed picture, and the score.
    """
    likely = output[:, output[4] >= threshold]
    centres, halves, scores = likely[:2], likely[2:4] / 2, likely[4]
    corners = np.concatenate([centres - halves, centres + halves]).T
    corners = (corners - np.array([fit.left, fit.top] * 2)) / fit.scale
    corners = corners.clip(0, np.array([fit.width, fit.height] * 2))
    kept = suppress(corners, scores)
    return [
        Spot(left, top, right, bottom, min(score, 1.0))
        for (left, top, right, bottom), score in zip(corners[kept].tolist(), scores[kept].tolist(), strict=True)
    ]


def suppress(corners: NDArray[np.floating], scores: NDArray[np.floating]) -> list[int]:
    """Which boxes (n x 4: left, top, right, bottom) stay: of those that overlap the surest, surest first.

    Boxes without an area are dropped.
    """
    sizes = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    order = [int(place) for place in np.argsort(-scores, kind="stable") if sizes[place] > 0]
    kept: list[int] = []
    while order:
        best, *rest = order
        kept.append(best)
        others = np.array(rest, dtype=np.intp)
        low = np.maximum(corners[best, :2], corners[others, :2])
        high = np.minimum(corners[best, 2:], corners[others, 2:])
        shared = np.prod((high - low).clip(0), axis=1)
        apart = shared <= OVERLAP * (sizes[best] + sizes[others] - shared)
        order = [place for place, alone in zip(rest, apart, strict=True) if alone]
    return kept
