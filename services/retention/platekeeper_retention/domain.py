"""Rules of the records office: how long a read is kept, what may be stored, what a search may ask.

Values in, values out. Sources: clauses F1, A1, A6, A7, A8, H1 and J1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from platekeeper_common import moments, patterns, plates
from platekeeper_common.areas import Area
from platekeeper_common.delegation import Delegation, Scope
from platekeeper_common.errors import Invalid, Refused
from platekeeper_common.events.recognition import PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId, CameraId
from platekeeper_common.patterns import Pattern
from platekeeper_retention.corrected import Correction
from platekeeper_retention.policy import CanvassPolicy, RetentionPolicy

RETENTION_CLAUSE = "F1"
"""The rule that `retain_until` comes from."""
KNOWN_AT_LEAST = 3
"""Known characters, wherever they stand, that make a partial plate of a pattern (A7)."""
CAMERAS_AT_MOST = 100
"""Cameras that one search may name."""


class KeptRead(Struct, frozen=True, kw_only=True, gc=False):
    """A read in the records office, until when it is kept and by which rule (F1)."""

    read: PlateRead
    retain_until: datetime
    """Aware UTC. Nothing deletes the read before."""
    retention_clause: str
    schedule_item: str
    policy_version: str
    """The version of the agency's policy profile that said so."""
    corrections: tuple[Correction, ...] = ()
    """What officers said of it, first to last (J1)."""
    found_by_correction: bool = False
    """A search found it by what the last of them said, and not by what the camera read."""

    @property
    def as_corrected(self) -> PlateRead | None:
        """The read with the plate of its last correction; None without one, or when that says that there is none."""
        last = self.corrections[-1] if self.corrections else None
        if last is None or last.plate is None:
            return None
        return replace(self.read, plate=last.plate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a search asks for: which plates, where and when. Made by `query`."""

    plate: str | None = None
    pattern: Pattern | None = None
    """Holds a wildcard; never beside `plate`."""
    area: Area | None = None
    captured_from: datetime | None = None
    """Inclusive, aware UTC."""
    captured_to: datetime | None = None
    """Exclusive, aware UTC."""
    cameras: tuple[CameraId, ...] = ()
    """None named: all of them."""
    canvass: str | None = None
    """Under which canvass area and window are searched (A6)."""

    def answers(self, read: PlateRead) -> bool:
        """Whether the read is one of those asked for. One without a position lies in no area."""
        return (
            (self.plate is None or read.plate == self.plate)
            and (self.pattern is None or self.pattern.matches(read.plate))
            and (self.captured_from is None or read.captured_at >= self.captured_from)
            and (self.captured_to is None or read.captured_at < self.captured_to)
            and (not self.cameras or read.camera_id in self.cameras)
            and (self.area is None or (read.position is not None and self.area.holds(read.position)))
        )

    @property
    def window(self) -> timedelta | None:
        """How long the window is; None when it is open at an end."""
        if self.captured_from is None or self.captured_to is None:
            return None
        return self.captured_to - self.captured_from

    def elements(self) -> dict[str, Any]:
        """The query elements of the access record (Civil Code 1798.90.52), as JSON values; only what was asked."""
        asked = {
            "plate": self.plate,
            "pattern": self.pattern and self.pattern.text,
            "area": self.area and self.area.elements(),
            "from": self.captured_from and self.captured_from.isoformat(),
            "to": self.captured_to and self.captured_to.isoformat(),
            "cameras": list(self.cameras),
            "canvass": self.canvass,
        }
        return {name: value for name, value in asked.items() if value}


def query(
    *,
    plate: str | None = None,
    prefix: str | None = None,
    pattern: str | None = None,
    area: Area | None = None,
    captured_from: datetime | None = None,
    captured_to: datetime | None = None,
    cameras: Sequence[str] = (),
) -> Query:
    """The search that a person asked for, normalised. Moments must be aware.

    A prefix is the pattern that it begins, and a pattern without a wildcard is a plate. Raises Invalid: `query_invalid`
    for more than one of plate, prefix and pattern, for none of them without an area, or for too many cameras;
    `plate_invalid` and `pattern_invalid` for what no plate can hold; `window_invalid` unless from < to.
    """
    named = [text for text in (plate, prefix, pattern) if text is not None]
    if len(named) > 1 or not (named or area):
        raise Invalid("give one of plate, prefix and pattern, or an area, or one and an area", code="query_invalid")
    if len(cameras) > CAMERAS_AT_MOST:
        raise Invalid(f"name at most {CAMERAS_AT_MOST} cameras", code="query_invalid")
    captured_from = in_utc(captured_from, "from", code="window_invalid")
    captured_to = in_utc(captured_to, "to", code="window_invalid")
    if captured_from is not None and captured_to is not None and not captured_from < captured_to:
        raise Invalid("the window must begin before it ends: from < to", code="window_invalid")
    exact, wild = _plates(plate, prefix, pattern)
    return Query(
        plate=exact,
        pattern=wild,
        area=area,
        captured_from=captured_from,
        captured_to=captured_to,
        cameras=tuple(CameraId(camera) for camera in sorted(set(cameras))),
    )


def narrowing(*, pattern: str | None = None, cameras: Sequence[str] = ()) -> Query:
    """What narrows the search of a canvass, whose area and window bound it. Raises Invalid `pattern_invalid`."""
    exact, wild = _plates(None, None, pattern)
    return Query(plate=exact, pattern=wild, cameras=tuple(CameraId(camera) for camera in sorted(set(cameras))))


def demand_bound(asked: Query, acting: Delegation | None, policy: CanvassPolicy) -> None:
    """Return when something keeps the search from opening a great part of all reads.

    A plate or three known characters side by side do; three anywhere do within an area or a window that one person may
    canvass; fewer say next to nothing of a plate and need both. Raises Invalid `search_unbounded` (A7), or
    `canvass_required` (A6) for an area without a plate, or over the bounds. A canvass has its own bounds, and a service
    that acts within an approved request has them from there.
    """
    if asked.canvass is not None or acting is not None or asked.plate is not None:
        return
    run, known = (asked.pattern.longest_run, asked.pattern.known) if asked.pattern else (0, 0)
    if run >= patterns.NEIGHBOURS_AT_LEAST:
        return
    near, brief = asked.area is not None and policy.near(asked.area), policy.brief(asked.window)
    if 0 < known < KNOWN_AT_LEAST:
        if not (near and brief):
            raise _unbounded(asked, policy, near=near, brief=brief)
    elif known and asked.area is None:
        if not brief:
            raise _unbounded(asked, policy, near=near, brief=brief)
    elif not known or not (near or brief):
        raise Invalid(
            f"to search an area without a plate, or one over {policy.area_at_most_km2} km², an investigator opens a"
            " canvass for its incident: POST /v1/canvasses",
            code="canvass_required",
            clause="A6",
        )


def _unbounded(asked: Query, policy: CanvassPolicy, *, near: bool, brief: bool) -> Invalid:
    """What the pattern lacks; never the pattern itself."""
    pattern, hours = asked.pattern, policy.window_at_most // timedelta(hours=1)
    known, run = (pattern.known, pattern.longest_run) if pattern else (0, 0)
    area = "one that is larger" if asked.area else "none"
    ends = {"from": asked.captured_from, "to": asked.captured_to}
    absent = " and ".join(name for name, moment in ends.items() if moment is None)
    window = f"{absent} not given" if absent else "the one given is longer"
    lacks = [
        {"bound": "known_characters", "at_least": patterns.NEIGHBOURS_AT_LEAST, "given": run},
        *([] if near else [{"bound": "area", "at_most_km2": policy.area_at_most_km2, "given": area}]),
        *([] if brief else [{"bound": "window", "at_most_hours": hours, "given": window}]),
    ]
    both = "an area and a window" if known < KNOWN_AT_LEAST else "an area or a window"
    return Invalid(
        f"the search is too wide; it needs {patterns.NEIGHBOURS_AT_LEAST} known characters side by side ({run} given),"
        f" or {both}: an area of at most {policy.area_at_most_km2} km² ({'given' if near else f'{area} given'}), a"
        f" window from..to of at most {hours} hours ({'given' if brief else window}); beyond them an investigator opens"
        " a canvass: POST /v1/canvasses",
        code="search_unbounded",
        clause="A7",
        missing=lacks,
    )


def _plates(plate: str | None, prefix: str | None, pattern: str | None) -> tuple[str | None, Pattern | None]:
    if plate is not None:
        return plates.normalise(plate, "plate"), None
    if prefix is not None:
        return None, patterns.parse(f"{plates.normalise(prefix, 'prefix')}*", "prefix")
    if pattern is None:
        return None, None
    wild = patterns.parse(pattern, "pattern")
    return (None, wild) if patterns.is_pattern(wild.text) else (wild.text, None)


def demand_question_within(query: Query, acting: Delegation | None) -> None:
    """Raise Refused `outside_scope` when a service acting for a person asks for more than the approved request (I3)."""
    if acting is None:
        return
    asked = Scope(
        plates=() if query.plate is None else (query.plate,),
        pattern=query.pattern,
        captured_from=query.captured_from,
        captured_to=query.captured_to,
        area=query.area,
    )
    if not asked.within(acting.scope):
        raise _outside_scope()


def demand_read_within(kept: KeptRead, acting: Delegation | None) -> None:
    """Raise Refused `outside_scope` when the read, as read or corrected, is none of the approved request's (I3)."""
    meant = [read for read in (kept.read, kept.as_corrected) if read is not None]
    if acting is not None and not any(
        acting.scope.holds(read.plate, read.captured_at, read.position) for read in meant
    ):
        raise _outside_scope()


def _outside_scope() -> Refused:
    return Refused("the approved request does not reach so far", code="outside_scope", clause="I3")


def keep(event: PlatesRead, policy: RetentionPolicy, policy_version: str) -> list[KeptRead]:
    """The event's reads and how long each is kept: the policy's minimum, counted from receipt (F1)."""
    until = {moment: policy.minimum.after(moment) for moment in {read.received_at for read in event.reads}}
    return [
        KeptRead(
            read=read,
            retain_until=until[read.received_at],
            retention_clause=RETENTION_CLAUSE,
            schedule_item=policy.schedule_item,
            policy_version=policy_version,
        )
        for read in event.reads
    ]


def fault(event: PlatesRead) -> str | None:
    """Why the event can never be stored, as a stable code with the read's id; None when it can.

    A read or picture of another agency than the event's would show one agency's data to another (H1).
    """
    for read in event.reads:
        if (code := _fault(read, event.agency_id)) is not None:
            return f"{code}: read {read.id}"
    return None


def _fault(read: PlateRead, agency_id: AgencyId) -> str | None:
    folder = f"{agency_id}/"
    for picture in (read.image, read.crop):
        if picture is not None and not picture.path.startswith(folder):
            return "agency_mismatch"
    if read.agency_id != agency_id:
        return "agency_mismatch"
    if not plates.is_normalised(read.plate):
        return "plate_not_normalised"
    if read.captured_at.tzinfo is None or read.received_at.tzinfo is None or read.live_until.tzinfo is None:
        return "moment_without_zone"
    return None


def in_utc(moment: datetime | None, field: str, *, code: str) -> datetime | None:
    """The aware moment of that field in UTC. Raises Invalid with the code where UTC has no such moment."""
    try:
        return None if moment is None else moments.in_utc(moment)
    except ValueError as error:
        raise Invalid(f"{field} {error}", code=code) from error
