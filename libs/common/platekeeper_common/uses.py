"""For what plate data is used: as the request states it, or as the person chose once for the session (A1, A4, A8).

The doors ask `use_of`, which fills in what the session knows; the use cases ask `demand`, which decides.
"""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from platekeeper_common import wording
from platekeeper_common.access import Use
from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Invalid
from platekeeper_common.matter import Matter
from platekeeper_common.rules import RULES
from platekeeper_common.service import Foundation, Room
from platekeeper_common.shared_policy import PATROL, UsePolicy

CHOOSE = "PUT /v1/session/matter"
CANVASS = "crime_scene_canvass"
_ABOUT_ENTRIES = frozenset({Action.HOTLIST_EDIT})
"""Where `reason` says why a plate is listed, whatever the purpose."""


def use_of(here: Room, by: Caller, stated: Use) -> Use:
    """What the request states, or when it names neither purpose nor matter the matter that the token carries.

    Raises Invalid `purpose_required` when there is none (A1), `matter_expired` when its time is over (A4), or
    `number_pending_unchosen`: only a matter that was chosen can get its number later (A8).
    """
    if by.kind == "delegated":
        return replace(stated, context=_context(stated))
    if stated.purpose or stated.matter_type or stated.matter_number:
        if stated.number_pending or stated.matter_session:
            detail = f"a matter whose number is pending is chosen with {CHOOSE}; its number is supplied later"
            raise Invalid(detail, code="number_pending_unchosen", clause="A8")
        use = stated
    else:
        use = _copied(demand_matter(by.matter, here.clock()), stated)
    if use.matter_type == PATROL:
        unit, shift = patrol(here.foundation, by, use.unit, use.shift, here.clock())
        use = replace(use, unit=unit, shift=shift)
    return replace(use, context=_context(use))


def demand_matter(matter: Matter | None, now: datetime) -> Matter:
    """The matter that the person chose. Raises Invalid `purpose_required` or `matter_expired`."""
    if matter is None:
        detail = f"state purpose and matter, or choose them once for 60 minutes with {CHOOSE}"
        raise Invalid(detail, code="purpose_required", clause="A1")
    if matter.until <= now:
        detail = f"the matter that you chose has run out; choose it again with {CHOOSE}"
        raise Invalid(detail, code="matter_expired", clause="A4")
    return matter


def demand(here: Room, by: Caller, action: Action, use: Use) -> None:
    """Return when the caller may do the action for this use.

    Raises Invalid with what the use lacks (A1, A3, A4, A8), Refused for what is prohibited (A4, J4) or not for the
    caller's roles (A2, A8).
    """
    policy = _policy(here.foundation, by)
    policy.demand(use)
    decide(by, action, use=use, policy=policy)
    if by.kind != "person":
        return
    if action not in _ABOUT_ENTRIES:
        policy.demand_no_words(use)
    if action == Action.SEARCH:
        policy.demand_requested_by(by.roles & RULES[action].roles, use, by.username, by.name)


def demand_purpose(here: Room, by: Caller, action: Action, use: Use) -> None:
    """As `demand`, where only a purpose is needed and no matter."""
    policy = _policy(here.foundation, by)
    policy.demand_listed(use)
    decide(by, action, use=use, policy=policy)


def patrol(foundation: Foundation, by: Caller, unit: str | None, shift: str | None, now: datetime) -> tuple[str, str]:
    """Unit and shift of a patrol, filled in from the session: who sits in no patrol car is a unit of their own (A4).

    The shift is the one on duty; a name that is none of the department's ("overtime") stays until another is stated.
    """
    policy = _policy(foundation, by)
    car = by.terminal.id if by.terminal and by.terminal.kind == "car" else None
    earlier = by.matter if by.matter and by.matter.type == PATROL else None
    own = earlier.shift if earlier and earlier.shift not in policy.shifts else None
    local = now.astimezone(ZoneInfo(foundation.policies.agency(by.agency_id).time_zone))
    return (
        unit or (earlier.unit if earlier else None) or car or by.username,
        shift or own or policy.shift_at(local),
    )


def _copied(chosen: Matter, stated: Use) -> Use:
    """The matter as a use; for whom a dispatcher asks may differ from one request to the next.

    Words that a request adds to those of the matter are kept beside them. Raises Refused `purpose_prohibited` (A4) or
    `immigration_refused` (J4) for what they say.
    """
    wording.refuse_prohibited(None, (stated.reason,))
    reasons = dict.fromkeys(reason for reason in (chosen.reason, stated.reason) if reason)
    return Use(
        purpose=chosen.purpose,
        matter_type=chosen.type,
        matter_number=chosen.number,
        number_pending=chosen.number_pending,
        reason="; ".join(reasons) or None,
        requested_by=stated.requested_by or chosen.requested_by,
        unit=chosen.unit,
        shift=chosen.shift,
        matter_session=chosen.id,
    )


def _context(use: Use) -> str:
    """What is going on, as records say it (A5, A6)."""
    if use.purpose == CANVASS:
        return "canvass"
    return "patrol" if use.matter_type == PATROL else "investigation"


def _policy(foundation: Foundation, by: Caller) -> UsePolicy:
    return foundation.policies.of(by.agency_id).section(UsePolicy)
