"""What the producers' own numbers tell: each counts its records from 1 without gaps, in the order of their making."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from platekeeper_verify.findings import Finding, Kind
from platekeeper_verify.leaves import Said

TOLERANCE = timedelta(minutes=5)
"""How far a record may lie before one with a lower number: requests overlap, clocks of processes differ."""
MOST_NAMED = 5


@dataclass
class _Producer:
    seen: set[int] = field(default_factory=set)
    last: Said | None = None


@dataclass
class Numbers:
    """Follows the records in the order of the export; `withheld` counts those whose content is not in it."""

    withheld: int = 0
    clues: list[tuple[int, Finding]] = field(default_factory=list)
    """What is odd about the record at a place; evidence where the tree does not fit."""
    _producers: dict[str, _Producer] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)

    def follow(self, place: int, said: Said | None) -> None:
        """Take the record at `place` into account."""
        if said is None:
            self.withheld += 1
            return
        producer = self._producers.setdefault(said.producer, _Producer())
        number, last = f"number {said.number} of {said.producer}", producer.last
        if said.number in producer.seen or said.id in self._ids:
            self._odd(place, Kind.INSERTED, f"{number}, or its id, is there twice")
        elif last is not None and said.number < last.number:
            self._odd(place, Kind.REORDERED, f"{number} comes after {last.number}")
        elif last is not None and said.at < last.at - TOLERANCE:
            self._odd(place, Kind.BACK_DATED, f"{number} is dated before number {last.number}")
        elif said.number > (last.number if last else 0) + 1:
            self._odd(place, Kind.DROPPED, f"{number} comes after {last.number if last else 'none'}")
        producer.seen.add(said.number)
        self._ids.add(said.id)
        if last is None or said.number > last.number:
            producer.last = said

    def _odd(self, place: int, kind: Kind, what: str) -> None:
        self.clues.append((place, Finding(kind, f"record {place}: {what}")))

    def certain(self) -> list[Finding]:
        """Findings that hold whatever was signed: records there twice, and those dated before an earlier number."""
        return [finding for _, finding in self.clues if finding.kind in (Kind.INSERTED, Kind.BACK_DATED)]

    def gaps(self) -> list[Finding]:
        """Numbers that are missing; only when more are than records whose content is withheld could account for."""
        found = {name: _missing(sorted(one.seen)) for name, one in sorted(self._producers.items())}
        total = sum(last - first + 1 for gaps in found.values() for first, last in gaps)
        if total <= self.withheld:
            return []
        return [
            Finding(Kind.GAP, f"{name} lacks {_listed(gaps)}: records that it made are not in the ledger")
            for name, gaps in found.items()
            if gaps
        ]


def _missing(numbers: Sequence[int]) -> list[tuple[int, int]]:
    return [(before + 1, number - 1) for before, number in pairwise([0, *numbers]) if number > before + 1]


def _listed(gaps: Sequence[tuple[int, int]]) -> str:
    named = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in gaps[:MOST_NAMED])
    return named + (f" and {len(gaps) - MOST_NAMED} more gaps" if len(gaps) > MOST_NAMED else "")
