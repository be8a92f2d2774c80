"""Reads an export in stretches of lines, several at once in as many processes when it is long.

What a stretch comes to is small: hashes, who numbered its records and when, and the roots of the subtrees within. The
process that asks holds a few stretches at a time, however long the export is.
"""

import hashlib
import os
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from multiprocessing import get_context
from operator import le

from platekeeper_verify import leaves
from platekeeper_verify.leaves import Said
from platekeeper_verify.merkle import HASH_BYTES, full_subtrees

LINES = 1024
"""Of a stretch."""
MOST_PROCESSES = 6
"""More would wait for the one that puts their stretches together."""
UNREADABLE = bytes(HASH_BYTES)
"""Stands in the tree for a line that is no leaf."""
NO_ID = 0
"""Stands among the ids for a record whose content is not there."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of an export from the record `start` on, and the sizes within them at which trees were signed."""

    start: int
    lines: Sequence[str]
    sizes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Leaves up to the next size that was signed, or to the end of their stretch."""

    hashes: bytes
    subtrees: Sequence[tuple[int, bytes]]
    """The full subtrees over them, left to right: level and root."""


@dataclass(slots=True)
class Run:
    """What one producer's records in a stretch say, in their order."""

    places: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    """Seconds since 1970."""
    steady: bool = False
    """The numbers count up, and no record is dated before the one before it."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a stretch says."""

    pieces: Sequence[Piece]
    indexes: Sequence[int]
    runs: Mapping[str, Run]
    """By producer; of records whose content is there."""
    ids: bytes
    """Of each line, 8 bytes that stand for its record's id, or NO_ID."""
    withheld: int
    altered: Sequence[int]
    """Places of records whose content does not have its hash."""
    malformed: Sequence[tuple[int, str]]
    """Places of lines that are no leaves, and why."""


def read_export(
    lines: Iterable[str], start: int, sizes: Sequence[int], *, processes: int | None = None
) -> Iterator[Read]:
    """Every stretch of the export in its order; `sizes` are those of signed trees, ascending.

    With `processes` None as many work as the machine has processors. Raises OSError when one of them ends.
    """
    stretches = _stretches(lines, start, sizes)
    first = list(islice(stretches, 2))
    several = min(os.cpu_count() or 1, MOST_PROCESSES) if processes is None else processes
    if len(first) < 2 or several < 2:
        yield from map(read, chain(first, stretches))
        return
    try:
        with ProcessPoolExecutor(several, get_context("spawn")) as pool:
            yield from _in_turn(pool, chain(first, stretches), several + 2)
    except BrokenProcessPool as error:
        raise OSError(f"the export could not be read: {error}") from error


def _in_turn(pool: ProcessPoolExecutor, stretches: Iterable[Stretch], at_once: int) -> Iterator[Read]:
    begun: deque[Future[Read]] = deque()
    for stretch in stretches:
        begun.append(pool.submit(read, stretch))
        if len(begun) == at_once:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


def _stretches(lines: Iterable[str], start: int, sizes: Sequence[int]) -> Iterator[Stretch]:
    left = iter(lines)
    while some := list(islice(left, LINES)):
        end = start + len(some)
        yield Stretch(start, some, sizes[bisect_right(sizes, start) : bisect_left(sizes, end)])
        start = end


def read(stretch: Stretch) -> Read:
    """Read one stretch."""
    hashes, indexes = [], []
    runs: dict[str, Run] = {}
    ids, withheld = array("Q"), 0
    altered, malformed = [], []
    for place, line in enumerate(stretch.lines, stretch.start):
        try:
            leaf = leaves.parse(line)
        except ValueError as error:
            malformed.append((place, str(error).partition("\n")[0]))
            hashes.append(UNREADABLE)
            ids.append(NO_ID)
            continue
        if leaf.computed is not None and leaf.computed != leaf.stated:
            altered.append(place)
        hashes.append(leaf.stated)
        indexes.append(leaf.place)
        if leaf.said is None:
            withheld += 1
            ids.append(NO_ID)
        else:
            ids.append(_told(runs, place, leaf.said))
    ends = [stretch.start, *stretch.sizes, stretch.start + len(hashes)]
    pieces = [_piece(begin, hashes[begin - stretch.start : end - stretch.start]) for begin, end in pairwise(ends)]
    for run in runs.values():
        run.steady = _counts(run.numbers) and all(map(le, run.moments, run.moments[1:]))
    return Read(
        pieces,
        range(indexes[0], indexes[-1] + 1) if _counts(indexes) else indexes,
        runs,
        ids.tobytes(),
        withheld,
        altered,
        malformed,
    )


def _piece(start: int, hashes: Sequence[bytes]) -> Piece:
    return Piece(b"".join(hashes), full_subtrees(start, hashes))


def _counts(numbers: Sequence[int]) -> bool:
    return len(numbers) > 0 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _told(runs: dict[str, Run], place: int, said: Said) -> int:
    """Keep what a record says; what stands for its id: alike for alike ids, in every process, and never NO_ID."""
    if (run := runs.get(said.producer)) is None:
        run = runs[said.producer] = Run()
    run.places.append(place)
    run.numbers.append(said.number)
    run.moments.append(said.at)
    digest = hashlib.sha256(said.id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "little") or 1
