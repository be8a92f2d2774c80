"""From what a network states to how often it is right."""

import numpy as np
from numpy.typing import NDArray

_POINTS = 8
"""Of the rising line, at most, its ends apart."""
_PRIOR = 2.0
"""Plates as if seen at each point with the confidence that the network states: a few plates prove little."""


def rising(
    confidences: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> list[list[float]]:
    """Points [stated, found] of a line that rises from [0, 0] to a stated 1.

    `confidences` (n) are what was stated, `right` (n) whether it was so, `weights` (n) how much each counts. They are
    pooled into equal shares in their order, then shares that fall into those before them (pool adjacent violators, Ayer
    et al. 1955).
    """
    order = np.argsort(confidences)
    stated, found, weight = confidences[order], right[order].astype(float), weights[order] / weights.mean()
    cuts = np.searchsorted(np.cumsum(weight), np.linspace(0, weight.sum(), _POINTS + 1)[1:-1])
    pools: list[list[float]] = []
    for share in np.split(np.arange(len(stated)), cuts):
        if not len(share):
            continue
        total, mean = float(weight[share].sum()), float(np.average(stated[share], weights=weight[share]))
        hit = float((found[share] * weight[share]).sum())
        pools.append([mean * total, hit + _PRIOR * mean, total, total + _PRIOR])
        while len(pools) > 1 and pools[-2][1] / pools[-2][3] > pools[-1][1] / pools[-1][3]:
            last = pools.pop()
            pools[-1] = [one + other for one, other in zip(pools[-1], last, strict=True)]
    inner = [[round(mean / total, 4), round(hit / out_of, 4)] for mean, hit, total, out_of in pools]
    inner = [point for point in inner if 0 < point[0] < 1]
    return [[0.0, 0.0], *inner, [1.0, max(inner[-1][1] if inner else 1.0, 0.5)]]
