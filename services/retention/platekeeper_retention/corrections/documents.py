"""Corrections and error rates as JSON."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from platekeeper_common.documents import Shown, UseStated
from platekeeper_retention import corrected
from platekeeper_retention.corrected import Said
from platekeeper_retention.corrections import domain
from platekeeper_retention.corrections.domain import Day, Eye, Tally

OF_LOOKED_AT = (
    "errors / looked_at; null when nobody looked. People look at what seems odd: the camera errs less than that"
)
OF_READS = (
    "errors / reads; null when nobody looked. Counts as right what nobody looked at: the camera errs more than that"
)


class CorrectionAsked(UseStated):
    """What an officer sees in the picture: a plate, or none; for a purpose and a matter, as a read is opened."""

    plate: Annotated[str | None, Field(max_length=64, description="What it really says")] = None
    state: Annotated[str | None, Field(max_length=40, description="Postal code; left out when not known")] = None
    no_plate: Annotated[bool, Field(description="There is no plate in the picture")] = False
    version: Annotated[
        int | None, Field(ge=1, description="The read's `version` that you saw; left out, it is the last one")
    ] = None
    reason: str | None = Field(None, max_length=1000, description="Needed for the purpose other_le (A1)")

    def said(self) -> Said:
        """What is said. Raises Invalid."""
        return corrected.said(plate=self.plate, state=self.state, no_plate=self.no_plate)


class TallyDocument(Shown):
    """What was counted of the reads captured in a time; no plate is in it."""

    reads: int = Field(description="Each once for each recogniser that read it")
    looked_at: int = Field(description="Reads whose picture a person opened, or that were corrected")
    misread: int = Field(description="Reads whose plate is another, as somebody said last")
    no_plate: int = Field(description="Reads of what is no plate")
    other_state: int = Field(description="The plate was right, the state was not: no error here")
    confirmed: int = Field(description="Corrected, and then said to have been right")
    errors: int = Field(description="misread + no_plate")
    error_rate_of_looked_at: float | None = Field(description=OF_LOOKED_AT)
    error_rate_of_reads: float | None = Field(description=OF_READS)

    @classmethod
    def counted(cls, tally: Tally) -> dict[str, object]:
        """The values of the document."""
        found = tally.found
        return {
            "reads": tally.reads,
            "looked_at": tally.looked_at,
            "misread": found.get("misread", 0),
            "no_plate": found.get("no_plate", 0),
            "other_state": found.get("state", 0),
            "confirmed": found.get("confirmed", 0),
            "errors": tally.errors,
            "error_rate_of_looked_at": tally.error_rate_of_looked_at,
            "error_rate_of_reads": tally.error_rate_of_reads,
        }


class DayDocument(TallyDocument):
    """One day on the agency's calendar."""

    day: date


class CameraDocument(TallyDocument):
    """A camera and one version of the recogniser that read for it (J1), over the whole period and by day."""

    camera_id: str
    model_name: str
    model_version: str
    days: list[DayDocument]


class AccuracyDocument(BaseModel):
    """How often cameras erred, as far as anybody looked, from the first day to the last, both in it."""

    first: date = Field(serialization_alias="from")
    last: date = Field(serialization_alias="to")
    time_zone: str
    cameras: list[CameraDocument]

    @classmethod
    def of(cls, days: Sequence[Day], found: Mapping[Eye, Mapping[Day, Tally]], time_zone: str) -> "AccuracyDocument":
        """The document of what was counted; days without reads are left out."""
        cameras = [
            CameraDocument(
                camera_id=eye.camera_id,
                model_name=eye.model_name,
                model_version=eye.model_version,
                days=[DayDocument(day=day.date, **TallyDocument.counted(one)) for day, one in by_day.items()],
                **TallyDocument.counted(domain.whole(by_day.values())),
            )
            for eye, by_day in sorted(found.items())
        ]
        return cls(first=days[0].date, last=days[-1].date, time_zone=time_zone, cameras=cameras)
