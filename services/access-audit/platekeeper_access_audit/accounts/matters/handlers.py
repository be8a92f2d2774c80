"""What is done with matters: choose, look, end, supply a number. One transaction each, with its access record."""

from dataclasses import dataclass, replace

from platekeeper_access_audit.accounts.matters import domain, storage
from platekeeper_access_audit.accounts.matters.domain import Chosen
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import auth, ids, uses, wording
from platekeeper_common.access import Place, Use
from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.matter import Matter
from platekeeper_common.shared_policy import PATROL, UsePolicy


@dataclass(frozen=True, slots=True)
class Carried:
    """A token, until when it holds, and the matter that it carries."""

    token: str
    caller: Caller


async def choose(tx: Tx, here: AccountsRoom, asked: Use, *, by: Caller, place: Place) -> Carried:
    """Purpose and matter of the session from now on, in a token that lasts as long as the caller's own.

    Unit and shift of a patrol are filled in from the session's last patrol, its car, or the account. Raises Invalid for
    what the use lacks (A1, A4, A8), Refused for what is prohibited (A4, J4) or not for the caller's roles (A2, A8).
    """
    policy = here.foundation.policies.of(by.agency_id).section(UsePolicy)
    policy.demand(asked)
    policy.demand_no_words(asked)
    decide(by, Action.MATTER_CHOOSE, use=asked, policy=policy)
    now = here.clock()
    await tx.lock(f"matter/{by.session}")
    if asked.matter_type == PATROL:
        earlier = await storage.last(tx, by.session or "")
        by = replace(by, matter=earlier.matter if earlier else by.matter)
        unit, shift = uses.patrol(here.foundation, by, asked.unit, asked.shift, now)
        asked = replace(asked, unit=unit, shift=shift)
    new = domain.chosen(ids.new(), asked, by, now)
    await storage.end(tx, new.session, now)
    await storage.add(tx, new)
    tx.emit(await _record(here, by, Action.MATTER_CHOOSE, new, place, asked.reason))
    return await _carried(here, replace(by, matter=new.matter))


async def show(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> Matter | None:
    """The session's matter; None when none was chosen, or its time is over."""
    tx.emit(here.recorder.administration(by, Action.MATTER_VIEW, "session", by.session or by.subject, place))
    matter = await current(tx, by.session)
    return matter if matter and matter.until > here.clock() else None


async def end(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> Carried:
    """A token without matter. Raises NotFound when there is none to end."""
    known = await storage.last(tx, by.session or "")
    if known is None:
        raise NotFound("no matter is chosen", code="matter_unknown")
    await storage.end(tx, known.session, here.clock())
    tx.emit(await _record(here, by, Action.MATTER_END, known, place, None))
    return await _carried(here, replace(by, matter=None))


async def supply_number(tx: Tx, here: AccountsRoom, matter_id: str, number: str, *, by: Caller, place: Place) -> Matter:
    """The number of a matter that was chosen while it was pending; records under it are not owed one any more (A8).

    Raises NotFound, Conflict `number_known`, Invalid `matter_number_made_up`, Refused as `wording.refuse_prohibited`.
    """
    wording.refuse_prohibited(None, (number,))
    wording.demand_real_number(number)
    await tx.lock(f"matter/{matter_id}")
    known = domain.demand_supplier(by, await storage.find(tx, by.agency_id, matter_id))
    now = here.clock()
    await storage.supply(tx, matter_id, number, now)
    numbered = replace(known, matter=replace(known.matter, number=number, number_pending=False), numbered_at=now)
    tx.emit(await _record(here, by, Action.MATTER_NUMBER, numbered, place, None))
    return numbered.matter


async def current(tx: Tx, session: str | None) -> Matter | None:
    """What the session's next token carries: the last choice that was not ended.

    One whose time is over is carried too: services refuse it as `matter_expired`, which says more than none would.
    """
    known = await storage.last(tx, session) if session else None
    return known.matter if known else None


async def _carried(here: AccountsRoom, caller: Caller) -> Carried:
    settings = here.foundation.settings
    key = await here.signing.current()
    return Carried(auth.issue(caller, key, issuer=settings.issuer, audience=settings.audience), caller)


async def _record(
    here: AccountsRoom, by: Caller, action: Action, of: Chosen, place: Place, reason: str | None
) -> AccessRecorded:
    matter = of.matter
    use = Use(
        purpose=matter.purpose,
        matter_type=matter.type,
        matter_number=matter.number,
        requested_by=matter.requested_by,
        number_pending=matter.number_pending,
        unit=matter.unit,
        shift=matter.shift,
        matter_session=matter.id,
    )
    written = {"until": matter.until.isoformat()} | ({"reason": reason} if reason else {})
    return await here.recorder.change(by, action, "matter_session", matter.id, place, written, use=use)
