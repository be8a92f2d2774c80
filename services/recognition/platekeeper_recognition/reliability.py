"""Whether a confidence means what it says: of the reads that are 90 % sure, nine in ten should be right.

Reads are laid into bins by their confidence; in each, the mean confidence is held against the share that is right. The
expected calibration error is the mean of those differences, weighted by reads (Naeini 2015; Guo et al. 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt

BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """A read."""

    confidence: float
    """0..1"""
    right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Reads of like confidence; at least one."""

    reads: int
    confidence: float
    """Their mean, 0..1."""
    right: float
    """The share of them that is right: a point of the reliability curve, above `confidence`."""
    deviation: float
    """How far `right` strays from `confidence` by chance where confidences mean what they say (one sigma)."""


def equal_width(reads: Sequence[Judged], bins: int = BINS) -> list[Bin]:
    """Bins that each span the same part of 0..1, from the least sure; empty ones are left out."""
    laid: list[list[Judged]] = [[] for _ in range(bins)]
    for read in reads:
        laid[min(int(read.confidence * bins), bins - 1)].append(read)
    return [_bin(each) for each in laid if each]


def equal_mass(reads: Sequence[Judged], bins: int = BINS) -> list[Bin]:
    """Bins of as many reads each, from the least sure: as fine as the reads allow where most of them lie."""
    ranked = sorted(reads, key=lambda read: read.confidence)
    edges = [round(place * len(ranked) / bins) for place in range(bins + 1)]
    parts = (ranked[edges[place] : edges[place + 1]] for place in range(bins))
    return [_bin(part) for part in parts if part]


def expected_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error, 0..1. Raises ZeroDivisionError without a read."""
    return sum(each.reads * abs(each.right - each.confidence) for each in bins) / sum(each.reads for each in bins)


def error_by_chance(bins: Sequence[Bin]) -> float:
    """About what the expected calibration error of so few reads would be if every confidence meant what it says, 0..1.

    The mean of a normal variable's absolute value, in each bin: an error near this cannot be told from none.
    """
    return sum(each.reads * each.deviation for each in bins) * sqrt(2 / pi) / sum(each.reads for each in bins)


def _bin(reads: Sequence[Judged]) -> Bin:
    count = len(reads)
    spread = sum(read.confidence * (1 - read.confidence) for read in reads)
    return Bin(
        reads=count,
        confidence=sum(read.confidence for read in reads) / count,
        right=sum(read.right for read in reads) / count,
        deviation=sqrt(spread) / count,
    )
