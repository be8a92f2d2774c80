"""Which records an audit looks at: drawn so that nobody chooses them and anybody can draw them again.

A record's lot is SHA-256(seed, newline, record id) in hexadecimal; the smallest lots are drawn. The seed is made of the
root of the signed tree at the end of the period, which nobody knows before and everybody can check after.
"""

import base64
import hashlib
import heapq


def seed(agency_id: str, period: str, size: int, root: bytes) -> str:
    """SHA-256, in hexadecimal, of agency, period, tree size and root (base64), a line each."""
    lines = (agency_id, period, str(size), base64.b64encode(root).decode())
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def lot(seed: str, record_id: str) -> str:
    """64 hexadecimal digits; the smallest are drawn."""
    return hashlib.sha256(f"{seed}\n{record_id}".encode()).hexdigest()


class Draw:
    """Draws `count` records out of as many as are offered, one after the other."""

    def __init__(self, seed: str, count: int) -> None:
        """Of the records with the smallest lots under the seed."""
        self._seed = seed
        self._count = count
        self._kept: list[tuple[int, str]] = []

    def offer(self, record_id: str) -> None:
        """One more record, in any order, each once."""
        entry = (-int(lot(self._seed, record_id), 16), record_id)
        if len(self._kept) < self._count:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    @property
    def drawn(self) -> list[str]:
        """The records drawn, smallest lot first."""
        return [record_id for _, record_id in sorted(self._kept, reverse=True)]
