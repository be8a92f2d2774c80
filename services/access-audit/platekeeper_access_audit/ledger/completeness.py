"""What the ledger says of a period, signed: how many of an agency's records there are, and where they stand.

Whoever has the records and this can tell that none was left out, without seeing those of others.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from platekeeper_common.ids import AgencyId

FORM = "platekeeper period v1"
"""The first line of what is signed."""


@dataclass(frozen=True, slots=True)
class Whole:
    """In the tree of `size` leaves the agency's records with `start` <= at < `end` stand at `positions`, ascending."""

    origin: str
    agency_id: AgencyId
    start: datetime
    end: datetime
    size: int
    root: bytes
    positions: Sequence[int]

    @property
    def text(self) -> str:
        """The text that is signed."""
        listed = hashlib.sha256("".join(f"{position}\n" for position in self.positions).encode())
        told = {
            "origin": self.origin,
            "agency": self.agency_id,
            "from": self.start.astimezone(UTC).isoformat(),
            "to": self.end.astimezone(UTC).isoformat(),
            "size": self.size,
            "root": base64.b64encode(self.root).decode(),
            "records": len(self.positions),
            "positions": listed.hexdigest(),
        }
        return f"{FORM}\n" + "".join(f"{name} {value}\n" for name, value in told.items())
