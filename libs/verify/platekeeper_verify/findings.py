"""What a verifier finds, by name."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was done to the ledger, its export or its checkpoints, as far as it can be told from outside."""

    CHANGED = "changed"
    DROPPED = "dropped"
    REORDERED = "reordered"
    BACK_DATED = "back-dated"
    INSERTED = "inserted"
    FORKED = "forked"
    SIGNATURE = "signature wrong"
    GAP = "gap"
    NOT_WITNESSED = "not witnessed"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words; never what a record says."""

    kind: Kind
    detail: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.kind}: {self.detail}"
