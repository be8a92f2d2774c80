"""What each setting of a profile means to a change of it: which way it gives more, and what the manual fixes (B2).

A setting without a line here is one that nobody has weighed: a change of it needs a second person.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from platekeeper_common.periods import Period, parse_duration

Class = Literal["shortens_retention", "widens_access", "unweighed", "other"]
Bound = Literal["fixed", "named", "at_least", "at_most", "operators"]
"""Against the installed profile, which says what the manual says; `named`: it may be called otherwise, but is there;
`operators`: set in the file, for all processes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a change of the setting is weighed. Sizes are compared by `size`; None: unbounded."""

    less: Class = "other"
    """What it is when the value becomes smaller, or loses items."""
    more: Class = "other"
    bound: Bound | None = None
    clause: str = "B2"
    """The clause that fixes the bound."""
    size: Callable[[Any], float] | None = None
    """None: a set of items where the value is a list, else a plain value."""


def _period(value: Any) -> float:
    """Days, near enough to compare; `none` is without end."""
    if value == "none":
        return float("inf")
    period = Period.parse(value)
    return period.count * {"day": 1.0, "month": 30.5, "year": 366.0}[period.unit]


def _duration(value: Any) -> float:
    return float("inf") if value == "none" else parse_duration(value).total_seconds()


def _fixed(clause: str) -> Setting:
    return Setting(bound="fixed", clause=clause)


PLAIN = Setting()
ABSENT = "none"
"""What a profile says of a post that the department does not have."""
SETTINGS: Mapping[str, Setting] = {
    "use.purposes": Setting(more="widens_access", clause="A1"),
    "use.matter_types": Setting(more="widens_access", clause="A8"),
    "use.numbered_matter_types": Setting(less="widens_access", clause="A8"),
    "use.case_number_required": Setting(less="widens_access", size=float, clause="A8"),
    "use.require_suspicion": _fixed("A5"),
    "audit.audit_lag_limit": Setting(more="widens_access", size=_duration, clause="B8"),
    "copies.bus": Setting(bound="operators", clause="F1"),
    "accounts.administrator": PLAIN,
    "accounts.collection_steward": PLAIN,
    "accounts.training_owner": _fixed("C3"),
    "sessions.second_factor": _fixed("G2"),
    "sessions.idle_lock": Setting(more="widens_access", size=_duration, clause="G2"),
    "sessions.reauthenticate_after": Setting(more="widens_access", size=_duration, clause="G2"),
    "sessions.dormant_after": Setting(more="widens_access", size=_duration, clause="G2"),
    "sessions.lock_after_failures": Setting(more="widens_access", size=float, clause="G2"),
    "sessions.lock_within": Setting(less="widens_access", size=_duration, clause="G2"),
    "posts.agency_head": PLAIN,
    "posts.custodian_of_records": Setting(bound="named", clause="B10"),
    "posts.records_supervisor": Setting(bound="named", clause="I7"),
    "posts.agency_attorney": PLAIN,
    "posts.vacancy_blocks": _fixed("B9"),
    "posts.second_person": Setting(less="widens_access", more="widens_access"),
    "posts.second_person_after": Setting(less="widens_access", size=_duration),
    "orders.purge_signed_by": Setting(bound="at_least", clause="B10"),
    "orders.purge_order_stands": Setting(bound="at_most", size=_period, clause="B10"),
    "ingest.live_alert_max_age": PLAIN,
    "hotlist.clets_verification": _fixed("D2"),
    "hotlist.clets_before": _fixed("D2"),
    "hotlist.protected_sources": Setting(bound="at_least", clause="D1"),
    "hotlist.look_alikes": PLAIN,
    "hotlist.look_alikes_at_most": PLAIN,
    "hotlist.partial_expires_after": PLAIN,
    "hotlist.sighting_within": PLAIN,
    "hotlist.sighting_within_metres": PLAIN,
    "hotlist.hit_told_again_after": PLAIN,
    "retention.minimum": Setting(less="shortens_retention", bound="at_least", size=_period, clause="F1"),
    "retention.maximum": Setting(less="shortens_retention", size=_period, clause="F2"),
    "retention.clock": _fixed("F1"),
    "retention.purge": _fixed("F3"),
    "corrections.training_export_for": Setting(more="widens_access", clause="A2"),
    "ledger.access_years": Setting(less="shortens_retention", size=float, clause="G3"),
    "ledger.breach_policy": _fixed("G5"),
    "release.routes": Setting(more="widens_access", bound="at_most", clause="I2"),
    "release.approver": _fixed("I3"),
    "release.non_le_owner": _fixed("I7"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that a change gives another value."""

    setting: str
    before: Any
    """None: absent."""
    after: Any
    weight: Class


def weigh(name: str, before: Any, after: Any) -> Class:
    """What the change of the setting is."""
    setting = SETTINGS.get(name)
    if setting is None or before is None or after is None:
        return "unweighed"
    if setting.size is not None:
        return setting.less if setting.size(after) < setting.size(before) else setting.more
    if isinstance(before, list) and isinstance(after, list):
        lost, won = set(before) - set(after), set(after) - set(before)
        weights = ([setting.less] if lost else []) + ([setting.more] if won else [])
        return next((one for one in weights if one != "other"), "other")
    return setting.more


def forbidden(name: str, installed: Any, after: Any) -> bool:
    """Whether the value leaves what the department's manual, as installed, allows."""
    setting = SETTINGS.get(name)
    if setting is None or setting.bound is None:
        return False
    if setting.bound in ("fixed", "operators"):
        return bool(after != installed)
    if setting.bound == "named":
        return bool(after == ABSENT != installed)
    low, high = (installed, after) if setting.bound == "at_least" else (after, installed)
    if setting.size is not None:
        return setting.size(low) > setting.size(high)
    return not set(low) <= set(high)
