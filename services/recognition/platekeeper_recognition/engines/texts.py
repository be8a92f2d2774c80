"""The most probable texts of a reader whose places are independent of each other, and how far to believe them."""

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Probabilities along the last axis, of logits divided by `temperature`."""
    warm = np.asarray(logits, dtype=np.float64) / temperature
    raised = np.exp(warm - warm.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def best_first(places: NDArray[np.float64], alphabet: str) -> Iterator[tuple[str, float]]:
    """Every text with its probability, the most probable first; the empty one is among them.

    `places` is places x (alphabet + END): the probability of each character at each place; after END nothing follows.
    A text's probability is the product over its places and the END after it. The search takes up the beginning whose
    best continuation reaches furthest (A*: Hart, Nilsson and Raphael 1968) and leaves its next best neighbour at each
    place for later, so a further text costs a few steps.
    """
    end = len(alphabet)
    reach = _reach(places)
    order = np.argsort(-reach, axis=1, kind="stable").tolist()
    likely, reaching = places.tolist(), reach.tolist()
    left: list[tuple[float, int, str, float, int]] = [(-max(reaching[0]), 0, "", 1.0, 0)]
    number = 0
    while left:
        _, _, text, before, rank = heapq.heappop(left)
        while True:
            place = len(text)
            if rank < end and (next_best := before * reaching[place][order[place][rank + 1]]) > 0:
                number += 1
                heapq.heappush(left, (-next_best, number, text, before, rank + 1))
            taken = order[place][rank]
            before, rank = before * likely[place][taken], 0
            if taken != end:
                text += alphabet[taken]
            if taken == end or len(text) == len(likely):
                yield text, before
                break


def calibrated(raw: Sequence[float], points: Sequence[tuple[float, float]]) -> list[float]:
    """How often texts of these raw probabilities (falling; of one crop) are right, by measured `points`, falling.

    Between the points (raw, calibrated; rising) lines are drawn, before the first from nothing. What the first text
    leaves of certainty is the most that the others share.
    """
    xs, ys = zip((0.0, 0.0), *(point for point in points if point[0] > 0), strict=True)
    first, *others = (float(share) for share in np.interp(raw, xs, ys))
    total = sum(others)
    spare = min(1.0, (1.0 - first) / total) if total > 0 else 1.0
    return [first, *(share * spare for share in others)]


def _reach(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each place and character (or END), the probability of the best text from there on that begins with it."""
    reach = places.copy()
    for place in range(len(places) - 2, -1, -1):
        reach[place, :-1] *= reach[place + 1].max()
    return reach
