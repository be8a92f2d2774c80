"""What an officer's word makes of a read and its hits: it stands, whatever the camera says before or after it (J1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from platekeeper_common import patterns
from platekeeper_common.events.hotlist import ListedEntry
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.events.retention import ReadCorrected, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardCorrection:
    """What an officer said of a read at retention (J1); the highest number stands. `plate` None: there is none."""

    id: str
    number: int
    was: str
    verdict: Verdict
    plate: str | None
    state: str | None
    corrected_by_name: str
    corrected_at: datetime


def as_corrected(said: ReadCorrected) -> PlateRead | None:
    """The read as an officer says that it is, never a live alert; None when there is no plate, or no other than read.

    The officer is sure, and names no other candidates; a state that the recogniser saw on another plate is none of it.
    """
    if said.plate is None or said.verdict == "confirmed":
        return None
    read = said.read
    if said.state is not None or said.plate != read.plate:
        read = replace(read, state=said.state, country=None, region_confidence=None)
    return replace(never_live(read), plate=said.plate, confidence=1.0, candidates=())


def never_live(read: PlateRead) -> PlateRead:
    """The read as one that was too old for a live alert when it came (E2)."""
    return replace(read, live_until=read.received_at - timedelta(seconds=1))


def denied(read: PlateRead, entry: ListedEntry, said: HeardCorrection | None) -> bool:
    """Whether an officer says that the read is not the listed vehicle, for which the camera took it.

    The officer looked: a plate that only looks like the listed one is another. Of those that an entry with wildcards
    means, any but the one that was read is another vehicle.
    """
    if said is None:
        return False
    if said.plate is None or (said.state and entry.state and said.state != entry.state):
        return True
    if patterns.is_pattern(entry.plate):
        return said.plate != read.plate or not patterns.Pattern(entry.plate).matches(said.plate)
    return said.plate != entry.plate
