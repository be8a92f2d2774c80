"""The detectors: what in a person's own searches asks for a second look (clause A4). Pure.

A detector sees the acts of one person, oldest first, and answers findings. Each says in one sentence what happened, and
accuses nobody: a person settles it. Plates are seen as opaque tokens, equal for equal plates.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

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
    numbered: bool = False
    """Whether the matter has a number."""
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
    shifts: Mapping[str, Hours]
    """The department's, by the names that patrol fills in; local time."""
    own_names: AbstractSet[str] = frozenset()
    """Words for the own agency, lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a detector found: the records, oldest first, and a sentence that a layman understands."""

    detector: Detector
    record_ids: tuple[str, ...]
    sentence: str


Detects = Callable[[Sequence[Act], datetime, Person, AuditsPolicy], list[Finding]]
"""The acts of one person up to `now`, oldest first; findings of what stands then."""


def repeat_plate(acts: Sequence[Act], now: datetime, who: Person, policy: AuditsPolicy) -> list[Finding]:
    """One person searches the same plate again and again: how a private interest looks.

    Who works on a case looks again too: for one matter with a number it takes more.
    """
    groups: dict[str, list[Act]] = {}
    for act in _searches(acts, now - policy.repeat_plate_within):
        if act.plate is not None and not act.released:
            groups.setdefault(act.plate, []).append(act)
    findings = []
    for same in groups.values():
        matters = len({act.matter for act in same})
        one_case = matters == 1 and all(act.numbered for act in same)
        if len(same) >= (policy.repeat_plate_times_one_matter if one_case else policy.repeat_plate_times):
            findings.append(
                _finding(
                    "repeat_plate",
                    same,
                    f"{same[-1].name} searched the same plate {len(same)} times within"
                    f" {in_days(policy.repeat_plate_within)}, first on {_day(same[0], who)} and last on"
                    f" {_day(same[-1], who)}, under {_of(matters, 'different matter' if matters > 1 else 'matter')}.",
                )
            )
    return findings


def off_shift(acts: Sequence[Act], now: datetime, who: Person, policy: AuditsPolicy) -> list[Finding]:
    """Somebody searches outside of the shift that was named, or at night without one, and not as usual."""
    searches = _searches(acts, now - looks_back(policy))
    strays = [
        (act, hours)
        for act in searches
        if act.at > now - DAY
        and (hours := _strayed(act, searches, who, policy)) is not None
        and not _usual(act, searches, who, policy)
    ]
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
            f" {in_days(policy.volume_compared_with)} before it was {compared}.",
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


def _searches(acts: Sequence[Act], since: datetime) -> list[Act]:
    return [act for act in acts if act.searched and act.at > since]


def _strayed(act: Act, searches: Sequence[Act], who: Person, policy: AuditsPolicy) -> str | None:
    """Which hours the act missed, in words; None when it lies within.

    Whoever names no shift has the one that they named lately; another name than the department's is none.
    """
    local, grace = act.at.astimezone(who.zone).time(), _minutes(policy.shift_grace)
    if (name := _shift(act)) in who.shifts:
        if who.shifts[name].minutes_away(local) <= grace:
            return None
        return f"the shift that was named, {name}, is from {who.shifts[name].in_words}"
    if act.requested_by is not None or act.released:
        return None
    lately = {_shift(one) for one in searches if act.at - WEEK < one.at <= act.at}
    allowed = [policy.unscheduled_hours, *(hours for one, hours in who.shifts.items() if one in lately)]
    if any(hours.minutes_away(local) <= grace for hours in allowed):
        return None
    return f"no shift was named, and the hours without one are {policy.unscheduled_hours.in_words}"


def _shift(act: Act) -> str:
    return (act.shift or "").strip().lower()


def _usual(act: Act, searches: Sequence[Act], who: Person, policy: AuditsPolicy) -> bool:
    """Whether the person has searched at about this hour on so many other days that it is usual."""
    at, near, day = act.at.astimezone(who.zone), _minutes(policy.shift_grace), 24 * 60
    days = set()
    for one in searches:
        apart = _minutes(act.at - one.at)
        if apart >= day // 2 and min(apart % day, -apart % day) <= near:
            days.add((at - one.at.astimezone(who.zone) + timedelta(hours=12)) // DAY)
    return len(days) >= policy.usual_after_days


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


def in_days(length: timedelta) -> str:
    """The length in whole days, or hours below two days, in words."""
    return f"{length // DAY} days" if length >= 2 * DAY else f"{length // timedelta(hours=1)} hours"


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)


def _of(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"
