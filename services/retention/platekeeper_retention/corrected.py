"""The rules of corrections: what an officer may say of a read, and what that makes of it. Source: J1.

A read is never altered. What is said of it stands beside it, one after the other, and the last one counts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Struct

from platekeeper_common import plates
from platekeeper_common.errors import Conflict, Invalid
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.events.retention import Verdict

ERRORS: tuple[Verdict, ...] = ("misread", "no_plate")
"""The verdicts by which the camera was wrong about the plate."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an officer says is in the picture. Made by `said`."""

    plate: str | None
    """Normalised; None: there is no plate."""
    state: str | None = None
    """Postal code; None: the officer did not say."""


class Correction(Struct, frozen=True, kw_only=True, gc=False):
    """What an officer said of a read."""

    id: str
    number: int
    """From 1 for each read; the highest stands."""
    read_version: int
    """The version that the officer saw."""
    was: str
    """What that version said."""
    verdict: Verdict
    plate: str | None
    state: str | None
    made_by: str
    """An account."""
    made_by_name: str
    made_at: datetime

    @property
    def said(self) -> Said:
        """What was said, whoever said it."""
        return Said(self.plate, self.state)


def said(*, plate: str | None, state: str | None, no_plate: bool) -> Said:
    """What the officer says, normalised.

    Raises Invalid `correction_invalid` unless it is either a plate or that there is none, `plate_invalid`,
    `state_unknown`.
    """
    if no_plate == (plate is not None) or (no_plate and state is not None):
        detail = 'say either what the plate is, with its state if you know it, or "no_plate": true'
        raise Invalid(detail, code="correction_invalid", clause="J1")
    return Said(None if plate is None else plates.normalise(plate), plates.issuing_state(state))


def verdict(read: PlateRead, found: Said) -> Verdict:
    """What that makes of the read as it stands."""
    if found.plate is None:
        return "no_plate"
    if found.plate != read.plate:
        return "misread"
    return "confirmed" if found.state in (None, read.state) else "state"


def demand_seen(read: PlateRead, version: int | None) -> None:
    """Raise Conflict `read_changed` when the officer saw another version than the last; None: it was not said which."""
    if version is not None and version != read.version:
        detail = (
            f"what you saw was version {version}, and the last one is version {read.version}: look at the read again,"
            " and say what you see with the version that it has now"
        )
        raise Conflict(detail, code="read_changed", clause="J1", version=version, last_version=read.version)


def judge(read: PlateRead, standing: Correction | None, found: Said) -> Verdict | None:
    """What the officer's word makes of the read; None: it is what stands already, and makes the same of this version.

    That the camera was right is only said where somebody said that it was not. Raises Conflict `nothing_to_correct`.
    """
    made = verdict(read, found)
    if standing is not None and standing.said == found and standing.verdict == made:
        return None
    if made == "confirmed" and standing is None:
        raise Conflict("the read says so already: nothing to correct", code="nothing_to_correct", clause="J1")
    return made


def elements(read: PlateRead, made: Correction) -> dict[str, Any]:
    """What the access record says of it, as JSON values."""
    told = {
        "read_id": read.id,
        "version": made.read_version,
        "correction": made.id,
        "verdict": made.verdict,
        "plate": made.plate,
        "state": made.state,
    }
    return {name: value for name, value in told.items() if value is not None}
