"""What the producers' own numbers tell: each counts its records from 1 without gaps, in the order of their making."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.leaves import Said

TOLERANCE = timedelta(minutes=5)
"""How far a record may lie before one with a lower number: requests overlap, clocks of processes differ."""
MOST_NAMED = 5
MOST = 2**63


@dataclass
class _Producer:
    following: int
    """The number after the highest that was seen."""
    last: Said
    missing: list[tuple[int, int]] = field(default_factory=list)
    """Numbers below that were not seen, both ends included, ascending."""

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
    _producers: dict[str, _Producer] = field(default_factory=dict)
    _ids: set[int] = field(default_factory=set)
    """Hashes of the ids: a tenth of the memory."""

    def follow(self, place: int, said: Said | None) -> None:
        """Take the record at `place` into account."""
        if said is None:
            self.withheld += 1
            return
        producer = self._producers.get(said.producer)
        known = hash(said.id)
        if producer is None:
            producer = self._producers[said.producer] = _Producer(1 if self.whole else said.number, said)
            fresh = producer.take(said.number)
            if said.number > 1 and self.whole:
                self._odd(place, Kind.DROPPED, f"{_named(said)} comes after none")
        else:
            fresh = producer.take(said.number)
            self._compare(place, said, producer.last)
        if not fresh or known in self._ids:
            self._odd(place, Kind.INSERTED, f"{_named(said)}, or its id, is there twice")
        self._ids.add(known)
        if said.number > producer.last.number:
            producer.last = said

    def _compare(self, place: int, said: Said, last: Said) -> None:
        """What is odd about a record beside the one of its producer with the highest number so far."""
        if said.number < last.number:
            self._odd(place, Kind.REORDERED, f"{_named(said)} comes after {last.number}")
        elif said.number > last.number and said.at < last.at - TOLERANCE:
            self._odd(place, Kind.BACK_DATED, f"{_named(said)} is dated before number {last.number}")
        elif said.number > last.number + 1:
            self._odd(place, Kind.DROPPED, f"{_named(said)} comes after {last.number}")

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


def _named(said: Said) -> str:
    return f"number {said.number} of {said.producer}"


def _listed(gaps: Sequence[tuple[int, int]]) -> str:
    named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in gaps[:MOST_NAMED])
    return named + (f" and {len(gaps) - MOST_NAMED} more gaps" if len(gaps) > MOST_NAMED else "")
