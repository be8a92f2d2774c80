"""What the platform owes, counted from what it acknowledged; nothing here asks the platform."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Cluster:
    """Reads of one listed plate at one place within minutes: one hit, and each of them one of its sightings."""

    plate: str
    camera: str
    captured_at: datetime | None
    """Late ones: when the first was captured, long ago. None: captured when they are posted, so live."""
    reads: int
    """How many it shall have."""
    ids: set[str] = field(default_factory=set)
    """Of the reads that were acknowledged."""


@dataclass
class Tally:
    """Acknowledged, and not; ids are those that the platform answered."""

    reads: dict[str, str] = field(default_factory=dict)
    """Edge reads: plate by id."""
    frames: dict[str, str] = field(default_factory=dict)
    """Frames: the plate that each shows, by id."""
    clusters: list[Cluster] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)
    """Plates, each of one read, whose device gave up after a failure: there once, or not at all."""
    records: set[str] = field(default_factory=set)
    """Access records that answers named."""
    told: list[tuple[int, str]] = field(default_factory=list)
    """Of the stream of hits: event id and hit, in the order of their arrival."""
    repeated: int = 0
    """Calls that were made again after they had been acknowledged."""
    failures: Counter[str] = field(default_factory=Counter)
    """What callers were told instead of an acknowledgement."""
    findings: list[str] = field(default_factory=list)
    """What should never have been answered."""

    def acknowledge(self, read_id: str, plate: str) -> None:
        """An edge read is owed. The same read has the same id each time."""
        if self.reads.setdefault(read_id, plate) != plate:
            self.findings.append(f"one id for two reads: {read_id}")
