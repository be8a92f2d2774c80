"""Rules of the records office: how long a read is kept, what may be stored, what a search may ask.

Values in, values out. Sources: clauses F1, A1, A8, H1 and J1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from platekeeper_common import plates
from platekeeper_common.errors import Invalid
from platekeeper_common.events.recognition import PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId
from platekeeper_retention.policy import RetentionPolicy

RETENTION_CLAUSE = "F1"
"""The rule that `retain_until` comes from."""
PREFIX_AT_LEAST = 2
"""Characters of a prefix: one alone would open a thirtieth of all reads."""
CAMERAS_AT_MOST = 100
"""Cameras that one search may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRead:
    """A read in the records office, until when it is kept and by which rule (F1)."""

    read: PlateRead
    retain_until: datetime
    """Aware UTC. Nothing deletes the read before."""
    retention_clause: str
    schedule_item: str
    policy_version: str
    """The version of the agency's policy profile that said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a search asks for: an exact plate or a prefix, when and where. Made by `query`."""

    plate: str | None = None
    prefix: str | None = None
    captured_from: datetime | None = None
    """Inclusive, aware UTC."""
    captured_to: datetime | None = None
    """Exclusive, aware UTC."""
    cameras: tuple[CameraId, ...] = ()
    """None named: all of them."""

    def elements(self) -> dict[str, Any]:
        """The query elements of the access record (Civil Code 1798.90.52), as JSON values; only what was asked."""
        asked = {
            "plate": self.plate,
            "prefix": self.prefix,
            "from": self.captured_from and self.captured_from.isoformat(),
            "to": self.captured_to and self.captured_to.isoformat(),
            "cameras": list(self.cameras),
        }
        return {name: value for name, value in asked.items() if value}


def query(
    *,
    plate: str | None,
    prefix: str | None,
    captured_from: datetime | None = None,
    captured_to: datetime | None = None,
    cameras: Sequence[str] = (),
) -> Query:
    """The search that a person asked for, normalised. Moments must be aware.

    Raises Invalid: `query_invalid` unless exactly one of plate and prefix is given, or for too many cameras;
    `plate_invalid` for what no plate can hold; `prefix_too_short`; `window_invalid` unless from < to.
    """
    if (plate is None) == (prefix is None):
        raise Invalid("give either plate or prefix", code="query_invalid")
    if len(cameras) > CAMERAS_AT_MOST:
        raise Invalid(f"name at most {CAMERAS_AT_MOST} cameras", code="query_invalid")
    prefix = None if prefix is None else plates.normalise(prefix, "prefix")
    if prefix is not None and len(prefix) < PREFIX_AT_LEAST:
        raise Invalid(f"a prefix needs at least {PREFIX_AT_LEAST} characters", code="prefix_too_short")
    captured_from, captured_to = _utc(captured_from, "from"), _utc(captured_to, "to")
    if captured_from is not None and captured_to is not None and not captured_from < captured_to:
        raise Invalid("the window must begin before it ends: from < to", code="window_invalid")
    return Query(
        plate=None if plate is None else plates.normalise(plate, "plate"),
        prefix=prefix,
        captured_from=captured_from,
        captured_to=captured_to,
        cameras=tuple(CameraId(camera) for camera in sorted(set(cameras))),
    )


def keep(read: PlateRead, policy: RetentionPolicy, policy_version: str) -> KeptRead:
    """The read and how long it is kept: the policy's minimum, counted from receipt (F1)."""
    return KeptRead(
        read=read,
        retain_until=policy.minimum.after(read.received_at),
        retention_clause=RETENTION_CLAUSE,
        schedule_item=policy.schedule_item,
        policy_version=policy_version,
    )


def fault(event: PlatesRead) -> str | None:
    """Why the event can never be stored, as a stable code with the read's id; None when it can.

    A read or picture of another agency than the event's would show one agency's data to another (H1).
    """
    for read in event.reads:
        if (code := _fault(read, event.agency_id)) is not None:
            return f"{code}: read {read.id}"
    return None


def _fault(read: PlateRead, agency_id: AgencyId) -> str | None:
    pictures = [picture for picture in (read.image, read.crop) if picture is not None]
    if read.agency_id != agency_id or any(not picture.path.startswith(f"{agency_id}/") for picture in pictures):
        return "agency_mismatch"
    if not plates.is_normalised(read.plate):
        return "plate_not_normalised"
    if any(moment.tzinfo is None for moment in (read.captured_at, read.received_at, read.live_until)):
        return "moment_without_zone"
    return None


def _utc(moment: datetime | None, field: str) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"{field} lies outside the calendar", code="window_invalid") from error
