"""Facts that the records office says about the reads that it keeps."""

from datetime import datetime
from typing import ClassVar, Literal

from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.events.recognition import PlateRead

Verdict = Literal["misread", "no_plate", "state", "confirmed"]
"""What an officer found: another plate, no plate at all, another state alone, or that the read was right after all."""


class ReadCorrected(Event, frozen=True, kw_only=True):
    """An officer said what a plate really is; the read stays as it is, and this beside it (J1)."""

    type: ClassVar[str] = "read.corrected.v1"
    topic: ClassVar[Topic] = Topic("read.corrected")
    id: str
    number: int
    """From 1 for each read; the highest stands."""
    read: PlateRead
    """As the camera said it."""
    verdict: Verdict
    plate: str | None
    """Normalised: A-Z 0-9 only; None: there is no plate."""
    state: str | None
    """Postal code of the issuing state, when the officer said it."""
    corrected_by_name: str
    corrected_at: datetime
    """Aware UTC."""

    @property
    def key(self) -> str:
        """What is said of one camera's reads stays in order."""
        return self.read.camera_id
