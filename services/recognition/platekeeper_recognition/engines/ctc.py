"""Readings out of the raw output of a CTC recogniser, by prefix beam search (Graves 2006; Hannun 2017)."""

import numpy as np
from numpy.typing import NDArray

from platekeeper_recognition.engines.protocol import DASH, GAP, SIGN, Reading

SYMBOLS = f"{GAP}{DASH}{SIGN}0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Column k + 1 of the output is SYMBOLS[k]; column 0 is CTC's blank."""
BEAMS = 24
"""How many prefixes are kept at each step."""
FLOOR = 1e-3
"""What is less probable than this at a step is not followed."""


def readings(output: NDArray[np.float32]) -> list[Reading]:
    """The most probable texts of an output of T steps x (1 + SYMBOLS) probabilities, most probable first.

    A text's confidence is the summed probability of the alignments that were followed: a lower bound, at most one.
    """
    beams = {"": (1.0, 0.0)}
    for step in output:
        beams = _extend(beams, step)
    found = [Reading(text, min(blank + symbol, 1.0)) for text, (blank, symbol) in beams.items() if text]
    return sorted(found, key=lambda reading: -reading.confidence)


def _extend(beams: dict[str, tuple[float, float]], step: NDArray[np.float32]) -> dict[str, tuple[float, float]]:
    """Each beam by one step: probability of ending in a blank, and of ending in its last symbol."""
    likely = [(int(k), float(step[k])) for k in np.flatnonzero(step > FLOOR)]
    ending_blank: dict[str, float] = {}
    ending_symbol: dict[str, float] = {}
    for text, (blank, symbol) in beams.items():
        for column, probability in likely:
            if column == 0:
                ending_blank[text] = ending_blank.get(text, 0.0) + (blank + symbol) * probability
                continue
            added = SYMBOLS[column - 1]
            longer = text + added
            if text.endswith(added):
                ending_symbol[text] = ending_symbol.get(text, 0.0) + symbol * probability
                ending_symbol[longer] = ending_symbol.get(longer, 0.0) + blank * probability
            else:
                ending_symbol[longer] = ending_symbol.get(longer, 0.0) + (blank + symbol) * probability
    both = {
        text: (ending_blank.get(text, 0.0), ending_symbol.get(text, 0.0))
        for text in ending_blank.keys() | ending_symbol.keys()
    }
    possible = [text for text in both if sum(both[text]) > 0]
    best = sorted(possible, key=lambda text: (-sum(both[text]), text))[:BEAMS]
    return {text: both[text] for text in best}
