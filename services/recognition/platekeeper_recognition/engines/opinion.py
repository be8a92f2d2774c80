"""A second opinion on crops in doubt: PP-OCRv6's recogniser, which was made for lines of text and errs elsewhere."""

from collections.abc import Mapping

import numpy as np

from platekeeper_recognition.engines import boxes, ctc, ppocr_network, sessions
from platekeeper_recognition.engines.ppocr_network import HEIGHT, PpocrNetwork
from platekeeper_recognition.engines.protocol import Picture

FILE = ppocr_network.FILE
_WIDTH = 128
"""Pixels to which a crop is stretched."""
_TRIMMED = 0.1
"""Of its rows, above and below: a state's name and a slogan stand there."""
_SWAY = 0.3
"""How much it counts beside our reader: size and this were chosen on held-back photographs."""
_FURTHEST = 20.0
"""Nats below its likeliest text; what it holds for less likely is as likely."""


class Opinion:
    """Says which of a crop's texts it finds likely."""

    def __init__(self, threads: int) -> None:
        """Load the network. Raises EngineUnavailable when its file is missing."""
        self._network = PpocrNetwork(threads, sessions.best_providers())
        self.model = self._network.model

    def pooled(self, crop: Picture, found: Mapping[str, float]) -> dict[str, float]:
        """The crop's texts when both have spoken, most probable first; their probabilities sum to what they did.

        Each is multiplied by a power of its likelihood here: a logarithmic opinion pool (Genest and Zidek 1986).
        """
        if not found:
            return {}
        likely = ctc.log_likelihoods(self._network.outputs([_line(crop)], _WIDTH / HEIGHT)[0], list(found))
        before = np.array(list(found.values()))
        after = before * np.exp(_SWAY * np.maximum(likely - likely.max(), -_FURTHEST))
        after *= before.sum() / after.sum()
        return dict(sorted(zip(found, after.tolist(), strict=True), key=lambda each: -each[1]))


def _line(crop: Picture) -> Picture:
    """What lies between the rims of a crop, stretched."""
    rows = int(crop.shape[0] * _TRIMMED)
    return boxes.stretched(crop[rows : crop.shape[0] - rows], _WIDTH, HEIGHT)
