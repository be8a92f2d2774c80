"""What the producers' own numbers tell: each counts its records from 1 without gaps, in the order of their making."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from operator import itemgetter

from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.reading import NO_ID, Read, Run

TOLERANCE = timedelta(minutes=5).total_seconds()
"""How far a record may lie before one with a lower number: requests overlap, clocks of processes differ."""
MOST_NAMED = 5
MOST = 2**63
AT_ONCE = 250_000
"""Ids that are compared with each other at a time, so that memory does not grow by them."""


@dataclass
class _Producer:
    following: int
    """The number after the highest that was seen."""
    last: tuple[int, float]
    """Number and moment of the record with the highest number."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    """Numbers below that were not seen, both ends included, ascending."""

    def continued(self, run: Run) -> bool:
        """Take a steady run into account when its first record is the next; False when it is not."""
        if run.numbers[0] != self.following or run.moments[0] < self.last[1] - TOLERANCE:
            return False
        self.following = run.numbers[-1] + 1
        self.last = run.numbers[-1], run.moments[-1]
        return True

    def take(self, number: int) -> bool:
        """Take a number into account; False when it was seen before."""
        if number >= self.following:
            if number > self.following:
                self.missing.append((self.following, number - 1))
            self.following = number + 1
            return True
        place = bisect_right(self.missing, (number, MOST)) - 1
        if place < 0 or not self.missing[place][0] <= number <= self.missing[place][1]:
            return False
        first, last = self.missing.pop(place)
        self.missing[place:place] = [gap for gap in ((first, number - 1), (number + 1, last)) if gap[0] <= gap[1]]
        return True


@dataclass
class Numbers:
    """Follows the records in the order of the export; `withheld` counts those whose content is not in it."""

    whole: bool = True
    """False: the export begins in the middle, and so do the producers' numbers."""
    withheld: int = 0
    clues: list[tuple[int, Finding]] = field(default_factory=list)
    """What is odd about the record at a place; evidence where the tree does not fit."""
    start: int = 0
    """Of the export."""
    _producers: dict[str, _Producer] = field(default_factory=dict)
    _ids: "array[int]" = field(default_factory=lambda: array("Q"))
    """Of each record what stands for its id: a tenth of the memory."""

    def follow(self, read: Read) -> None:
        """Take the records of the next stretch into account."""
        self.withheld += read.withheld
        self._ids.frombytes(read.ids)
        for name, run in read.runs.items():
            producer = self._producers.get(name)
            if producer and run.steady and producer.continued(run):
                continue
            for place, number, at in zip(run.places, run.numbers, run.moments, strict=True):
                self._take(place, name, number, at)

    def end(self) -> None:
        """There are no more: now it is looked which ids are there twice, a part of them at a time."""
        parts = len(self._ids) // AT_ONCE + 1
        for part in range(parts):
            some = [known for known in self._ids if known % parts == part and known != NO_ID]
            if len(set(some)) < len(some):
                twice = {known for known, times in Counter(some).items() if times > 1}
                self._repeated(twice)
        self.clues.sort(key=itemgetter(0))

    def _repeated(self, twice: set[int]) -> None:
        seen = set()
        for place, known in enumerate(self._ids, self.start):
            if known in twice:
                if known in seen:
                    self._odd(place, Kind.INSERTED, "its id is there twice")
                seen.add(known)

    def _take(self, place: int, name: str, number: int, at: float) -> None:
        producer = self._producers.get(name)
        if producer is None:
            producer = self._producers[name] = _Producer(1 if self.whole else number, (number, at))
            fresh = producer.take(number)
            if number > 1 and self.whole:
                self._odd(place, Kind.DROPPED, f"{_named(name, number)} comes after none")
        else:
            fresh = producer.take(number)
            self._compare(place, _named(name, number), (number, at), producer.last)
        if not fresh:
            self._odd(place, Kind.INSERTED, f"{_named(name, number)} is there twice")
        if number > producer.last[0]:
            producer.last = number, at

    def _compare(self, place: int, named: str, this: tuple[int, float], last: tuple[int, float]) -> None:
        """What is odd about a record beside the one of its producer with the highest number so far."""
        (number, at), (highest, latest) = this, last
        if number < highest:
            self._odd(place, Kind.REORDERED, f"{named} comes after {highest}")
        elif number > highest and at < latest - TOLERANCE:
            self._odd(place, Kind.BACK_DATED, f"{named} is dated before number {highest}")
        elif number > highest + 1:
            self._odd(place, Kind.DROPPED, f"{named} comes after {highest}")

    def _odd(self, place: int, kind: Kind, what: str) -> None:
        self.clues.append((place, Finding(kind, f"record {place}: {what}")))

    def certain(self) -> list[Finding]:
        """Findings that hold whatever was signed: records there twice, and those dated before an earlier number."""
        return [finding for _, finding in self.clues if finding.kind in (Kind.INSERTED, Kind.BACK_DATED)]

    def gaps(self) -> list[Finding]:
        """Numbers that are missing; only when more are than records whose content is withheld could account for."""
        found = {name: one.missing for name, one in sorted(self._producers.items())}
        total = sum(last - first + 1 for gaps in found.values() for first, last in gaps)
        if total <= self.withheld:
            return []
        return [
            Finding(Kind.GAP, f"{name} lacks {_listed(gaps)}: records that it made are not in the ledger")
            for name, gaps in found.items()
            if gaps
        ]


def _named(producer: str, number: int) -> str:
    return f"number {number} of {producer}"


def _listed(gaps: Sequence[tuple[int, int]]) -> str:
    named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in gaps[:MOST_NAMED])
    return named + (f" and {len(gaps) - MOST_NAMED} more gaps" if len(gaps) > MOST_NAMED else "")
