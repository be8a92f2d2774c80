"""The detectors: what in a person's own searches asks for a second look (clause A4). Pure.

A detector sees the acts of one person, oldest first, and answers findings. Each says in one sentence what happened, and
accuses nobody: a person settles it. Plates are seen as opaque tokens, equal for equal plates.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo

from platekeeper_access_audit.ledger.policy import AuditsPolicy, Detector, Hours

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SEARCH = "reads.search"
MOST_RECORDS = 200
"""Records that a finding names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What detectors see of an access record with plate data."""

    record_id: str
    at: datetime
    """Aware UTC."""
    name: str
    action: str
    allowed: bool
    found: int
    """Reads handed out."""
    plate: str | None = None
    """A token for the plate that was asked for; None: none was, or none that can be told."""
    further: bool = False
    """A later page of a search that another record began."""
    shift: str | None = None
    matter: str | None = None
    """Type and number of the matter, as one word for comparing."""
    requested_by: str | None = None
    released: bool = False
    """Made by a service under an approved release to another agency."""
    vehicle_of: str | None = None
    """Whose vehicle bears the plate, by the register of staff's vehicles: a username."""

    @property
    def searched(self) -> bool:
        """A search that the person made; not the next page of one."""
        return self.action == SEARCH and self.allowed and not self.further


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose acts they are, and where."""

    username: str
    zone: tzinfo
    own_names: AbstractSet[str] = frozenset()
    """Words for the own agency, lower case."""
    shifts: Mapping[str, Hours] = field(default_factory=dict)
    """The department's, by the names that patrol fills in; local time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a detector found: the records, oldest first, and a sentence that a layman understands."""

    detector: Detector
    record_ids: tuple[str, ...]
    sentence: str


Detects = Callable[[Sequence[Act], datetime, Person, AuditsPolicy], list[Finding]]
"""The acts of one person up to `now`, oldest first; findings of what stands then."""


def repeat_plate(acts: Sequence[Act], now: datetime, who: Person, policy: AuditsPolicy) -> list[Finding]:
    """One person searches the same plate again and again: how a private interest looks."""
    groups: dict[str, list[Act]] = {}
    for act in _searches(acts, now - policy.repeat_plate_within):
        if act.plate is not None and not act.released:
            groups.setdefault(act.plate, []).append(act)
    findings = []
    for same in groups.values():
        if len(same) >= policy.repeat_plate_times:
            matters = len({act.matter for act in same})
            findings.append(
                _finding(
                    "repeat_plate",
                    same,
                    f"{same[-1].name} searched the same plate {len(same)} times within"
                    f" {_days(policy.repeat_plate_within)}, first on {_day(same[0], who)} and last on"
                    f" {_day(same[-1], who)}, under {_of(matters, 'different matter' if matters > 1 else 'matter')}.",
                )
            )
    return findings


def off_shift(acts: Sequence[Act], now: datetime, who: Person, policy: AuditsPolicy) -> list[Finding]:
    """Somebody searches outside of the shift that was named, or at night without one."""
    strays = [(act, hours) for act in _searches(acts, now - DAY) if (hours := _strayed(act, who, policy)) is not None]
    if not strays:
        return []
    first, wanted = strays[0]
    times = f"{len(strays)} times, first" if len(strays) > 1 else "once,"
    return [
        _finding(
            "off_shift",
            [act for act, _ in strays],
            f"{first.name} searched off shift {times} at {first.at.astimezone(who.zone):%H:%M} on {_day(first, who)}:"
            f" {wanted}.",
        )
    ]


def staff_plate(acts: Sequence[Act], now: datetime, who: Person, _policy: AuditsPolicy) -> list[Finding]:
    """Somebody asks for the plate of the own vehicle, or of a colleague's; in vain or with wildcards counts too."""
    asked = [act for act in acts if act.vehicle_of is not None and act.at > now - DAY and not act.further]
    findings = []
    for owner in sorted({act.vehicle_of for act in asked if act.vehicle_of is not None}):
        same = [act for act in asked if act.vehicle_of == owner]
        hidden = " with wildcards in it" if any(act.plate is None for act in same) else ""
        whose = "the person's own" if owner == who.username else f"that of the colleague {owner}"
        findings.append(
            _finding(
                "staff_plate",
                same,
                f"{same[-1].name} asked {_of(len(same), 'time')} for the plate{hidden} of a vehicle which the register"
                f" of staff's vehicles says is {whose}, last on {_day(same[-1], who)}.",
            )
        )
    return findings


def no_hit_fishing(acts: Sequence[Act], now: datetime, who: Person, policy: AuditsPolicy) -> list[Finding]:
    """Many searches in a day and hardly one that finds anything: plates are being tried out."""
    tried = [act for act in _searches(acts, now - DAY) if not act.released]
    nothing = [act for act in tried if act.found == 0]
    if len(tried) < policy.fishing_searches or len(nothing) * 100 < len(tried) * policy.fishing_percent:
        return []
    return [
        _finding(
            "no_hit_fishing",
            tried,
            f"{tried[-1].name} made {len(tried)} searches within a day up to {_day(tried[-1], who)}, and {len(nothing)}"
            " of them found nothing.",
        )
    ]


def sudden_volume(acts: Sequence[Act], now: datetime, who: Person, policy: AuditsPolicy) -> list[Finding]:
    """Far more searches in a day than the person usually makes on a day with any."""
    searches = [act for act in _searches(acts, now - DAY - policy.volume_compared_with) if not act.released]
    today = [act for act in searches if act.at > now - DAY]
    before = searches[: len(searches) - len(today)]
    days = len({act.at.astimezone(who.zone).date() for act in before})
    usual = len(before) / days if days else 0.0
    if len(today) < policy.volume_at_least or len(today) <= policy.volume_factor * usual:
        return []
    compared = f"about {usual:.0f} on a day with searches" if days else "none at all"
    return [
        _finding(
            "sudden_volume",
            today,
            f"{today[-1].name} made {len(today)} searches within a day up to {_day(today[-1], who)}; in the"
            f" {_days(policy.volume_compared_with)} before it was {compared}.",
        )
    ]


def other_agencies(acts: Sequence[Act], now: datetime, who: Person, policy: AuditsPolicy) -> list[Finding]:
    """Searches for other agencies: many under releases, or any at the word of an outsider without one (I2, A3)."""
    week = _searches(acts, now - WEEK)
    released = [act for act in week if act.released]
    asked = [act for act in week if not act.released and _is_outsider(act.requested_by, who, policy)]
    findings = []
    if len(asked) >= policy.outsiders_at_least:
        findings.append(
            _finding(
                "other_agencies",
                asked,
                f"{asked[-1].name} searched {_of(len(asked), 'time')} within seven days for somebody who, by the words"
                f" given, belongs to another agency, last on {_day(asked[-1], who)}; no release was approved for it.",
            )
        )
    if len(released) >= policy.released_at_least:
        findings.append(
            _finding(
                "other_agencies",
                released,
                f"{released[-1].name} made {len(released)} searches within seven days for other agencies under approved"
                f" releases, last on {_day(released[-1], who)}.",
            )
        )
    return findings


BY_NAME: Mapping[Detector, Detects] = {
    "repeat_plate": repeat_plate,
    "off_shift": off_shift,
    "staff_plate": staff_plate,
    "no_hit_fishing": no_hit_fishing,
    "sudden_volume": sudden_volume,
    "other_agencies": other_agencies,
}


def looks_back(policy: AuditsPolicy) -> timedelta:
    """How far back the acts must reach that the detectors are given."""
    return max(policy.repeat_plate_within, policy.volume_compared_with + DAY, WEEK)


def hours_of(shifts: Mapping[str, time]) -> dict[str, Hours]:
    """The hours of each shift, of which the policy says when it begins: it lasts until the next begins."""
    begins = sorted(shifts.values())
    after = dict(zip(begins, [*begins[1:], begins[0]], strict=True))
    return {name: Hours(moment, after[moment]) for name, moment in shifts.items()}


def described(detector: Detector, policy: AuditsPolicy, shifts: Mapping[str, Hours]) -> str:
    """What the detector looks for by the settings in force, as the published policy says it (B7)."""
    match detector:
        case "repeat_plate":
            return (
                f"one person searches the same plate {policy.repeat_plate_times} times or more within"
                f" {_days(policy.repeat_plate_within)}"
            )
        case "off_shift":
            named = ", ".join(f"{name} {hours.in_words}" for name, hours in shifts.items())
            return (
                f"a search more than {_minutes(policy.shift_grace)} minutes outside of the shift that was named"
                f" ({named}), or without a shift outside of {policy.unscheduled_hours.in_words}"
            )
        case "staff_plate":
            return "a search for the plate of the person's own vehicle or of a colleague's"
        case "no_hit_fishing":
            return (
                f"{policy.fishing_searches} searches or more by one person within a day, {policy.fishing_percent} in a"
                " hundred of which find nothing"
            )
        case "sudden_volume":
            return (
                f"{policy.volume_at_least} searches or more by one person within a day, when that is more than"
                f" {policy.volume_factor} times the person's usual number"
            )
        case "other_agencies":
            return (
                f"{policy.outsiders_at_least} or more searches within seven days at the word of another agency without"
                f" an approved release, or {policy.released_at_least} or more under releases"
            )


def _searches(acts: Sequence[Act], since: datetime) -> list[Act]:
    return [act for act in acts if act.searched and act.at > since]


def _strayed(act: Act, who: Person, policy: AuditsPolicy) -> str | None:
    """Which hours the act missed, in words; None when it lies within."""
    local = act.at.astimezone(who.zone).time()
    if act.shift is None:
        if act.requested_by is not None or act.released or not policy.unscheduled_hours.minutes_away(local):
            return None
        return f"no shift was named, and the hours without one are {policy.unscheduled_hours.in_words}"
    name = act.shift.strip().lower()
    hours = who.shifts.get(name)
    if hours is None:
        return "the shift that was named is none of the department's"
    if hours.minutes_away(local) <= _minutes(policy.shift_grace):
        return None
    return f"the shift that was named, {name}, is from {hours.in_words}"


def _is_outsider(requested_by: str | None, who: Person, policy: AuditsPolicy) -> bool:
    words = " ".join("".join(sign if sign.isalnum() else " " for sign in (requested_by or "").lower()).split())
    if any(f" {own} " in f" {words} " for own in who.own_names):
        return False
    return any(f" {word} " in f" {words} " for word in policy.outsider_words)


def _finding(detector: Detector, acts: Sequence[Act], sentence: str) -> Finding:
    ids = tuple(act.record_id for act in acts[-MOST_RECORDS:])
    return Finding(detector=detector, record_ids=ids, sentence=sentence)


def _day(act: Act, who: Person) -> str:
    local = act.at.astimezone(who.zone)
    return f"{local.day} {local:%B %Y}"


def _days(length: timedelta) -> str:
    return f"{length // DAY} days" if length >= 2 * DAY else f"{length // timedelta(hours=1)} hours"


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)


def _of(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"
