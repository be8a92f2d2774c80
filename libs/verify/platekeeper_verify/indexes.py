"""The indexes that the lines of an export state: they must count from the first without gaps, in order."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from platekeeper_verify.findings import Finding, Kind


@dataclass
class Indexes:
    """Follows the indexes; as long as they count up it remembers one of them."""

    start: int = 0
    highest: int | None = None
    _findings: list[Finding] = field(default_factory=list)
    _after: list[int] | None = None
    """Every index from the first that was not the next; they are sorted in the end."""
    _next: int = -1

    def follow(self, indexes: Sequence[int]) -> None:
        """Take the indexes of the next lines into account."""
        expected = self.start if self.highest is None else self._next
        if isinstance(indexes, range) and indexes and self._after is None and indexes.start == expected:
            self._next, self.highest = indexes.stop, indexes.stop - 1
        else:
            for index in indexes:
                self._take(index)

    def _take(self, index: int) -> None:
        if self.highest is None:
            self._next = self.start
        if self.highest is not None and index < self.highest:
            self._findings.append(Finding(Kind.REORDERED, f"index {index} comes after {self.highest}"))
        self.highest = index if self.highest is None else max(self.highest, index)
        if self._after is not None:
            self._after.append(index)
        elif index == self._next:
            self._next += 1
        else:
            self._after = [index]

    def findings(self) -> list[Finding]:
        """What is wrong with them."""
        found = []
        expected = self.start if self.highest is None else self._next
        for index in sorted(self._after or ()):
            if index < expected:
                found.append(Finding(Kind.INSERTED, f"index {index} is there twice"))
                continue
            if index > expected:
                missing = str(expected) if index == expected + 1 else f"{expected} to {index - 1}"
                found.append(Finding(Kind.DROPPED, f"index {missing} is not in the export"))
            expected = index + 1
        return found + self._findings
