"""Readings out of the raw output of a CTC recogniser, by prefix beam search (Graves 2006; Hannun 2017)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from platekeeper_recognition.engines.protocol import DASH, GAP, SIGN, Reading

SYMBOLS = f"{GAP}{DASH}{SIGN}0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Column k + 1 of the output is SYMBOLS[k]; column 0 is CTC's blank."""
BEAMS = 24
"""How many prefixes are kept at each step."""
FLOOR = 1e-3
"""What is less probable than this at a step is not followed."""
_SIGNS = 3
"""The first of SYMBOLS, no part of a serial."""
_UNLIKELY, _NEVER = 1e-4, 1e-300
"""Added to each symbol's probability at a step; and that of a text which has not as many steps as it needs."""


def readings(output: NDArray[np.float32]) -> list[Reading]:
    """The most probable texts of an output of T steps x (1 + SYMBOLS) probabilities, most probable first.

    A text's confidence is the summed probability of the alignments that were followed: a lower bound, at most one.
    """
    beams = {"": (1.0, 0.0)}
    for step in output:
        beams = _extend(beams, step)
    found = [Reading(text, min(blank + symbol, 1.0)) for text, (blank, symbol) in beams.items() if text]
    return sorted(found, key=lambda reading: -reading.confidence)


def log_likelihoods(output: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float64]:
    """The natural logarithm of the probability of each text of A-Z and 0-9, over all its alignments (Graves 2006).

    `output` is T steps x (1 + SYMBOLS). A gap, dash or sign counts as blank, and so does what belongs to no symbol;
    nothing is held impossible. The texts, of one character at least, are taken together, each as the steps blank,
    first character, blank, ..., blank.
    """
    letters = output[:, 1 + _SIGNS :].astype(np.float64)
    steps = np.concatenate([np.maximum(1 - letters.sum(axis=1, keepdims=True), 0), letters], axis=1) + _UNLIKELY
    steps /= steps.sum(axis=1, keepdims=True)
    columns = np.zeros((len(texts), 2 * max(map(len, texts)) + 1), dtype=np.intp)
    for row, text in zip(columns, texts, strict=True):
        row[1 : 2 * len(text) : 2] = [SYMBOLS.index(character) - _SIGNS + 1 for character in text]
    may_skip = np.zeros(columns.shape)
    may_skip[:, 2:] = (columns[:, 2:] != 0) & (columns[:, 2:] != columns[:, :-2])
    ahead = np.zeros(columns.shape)
    ahead[:, :2] = steps[0][columns[:, :2]]
    total = np.zeros(len(texts))
    for step in steps[1:]:
        moved = ahead.copy()
        moved[:, 1:] += ahead[:, :-1]
        moved[:, 2:] += ahead[:, :-2] * may_skip[:, 2:]
        ahead = moved * step[columns]
        scale = ahead.sum(axis=1, keepdims=True)
        total += np.log(scale[:, 0])
        ahead /= scale
    ends = np.array([[2 * len(text) - 1, 2 * len(text)] for text in texts])
    at_the_end = np.take_along_axis(ahead, ends, axis=1).sum(axis=1)
    return np.asarray(total + np.log(np.maximum(at_the_end, _NEVER)))


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
