"""The rules of matters: what a choice holds, for how long, and who supplies a number later (clauses A4, A8)."""

from dataclasses import dataclass
from datetime import datetime

from platekeeper_common.access import Use
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, NotFound
from platekeeper_common.ids import AgencyId
from platekeeper_common.matter import LIFE, Matter

SUPPLIERS = frozenset({"administrator", "supervisor"})
"""Who may supply the number of another person's matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One choice of purpose and matter, and whose it is. Moments are aware UTC."""

    matter: Matter
    session: str
    account_id: str
    agency_id: AgencyId
    chosen_at: datetime
    numbered_at: datetime | None = None
    """When a number that was pending was supplied."""
    ended_at: datetime | None = None


def chosen(matter_id: str, use: Use, by: Caller, now: datetime) -> Chosen:
    """The choice of that use, for `LIFE` from now."""
    matter = Matter(
        id=matter_id,
        purpose=use.purpose,
        type=use.matter_type,
        number=use.matter_number,
        number_pending=use.number_pending,
        reason=use.reason,
        requested_by=use.requested_by,
        unit=use.unit,
        shift=use.shift,
        until=now + LIFE,
    )
    return Chosen(matter=matter, session=by.session or "", account_id=by.subject, agency_id=by.agency_id, chosen_at=now)


def demand_supplier(by: Caller, known: Chosen | None) -> Chosen:
    """The choice, when the caller may supply its number. Raises NotFound: of others' nobody is told.

    Raises Conflict `number_known` when none is owed.
    """
    if known is None or (known.account_id != by.subject and not SUPPLIERS & by.roles):
        raise NotFound("no such matter of yours", code="matter_unknown")
    if not known.matter.number_pending:
        raise Conflict("the matter's number is not pending", code="number_known", clause="A8")
    return known
