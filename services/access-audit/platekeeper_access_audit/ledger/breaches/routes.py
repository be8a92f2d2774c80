"""The door of breaches: for the administrator, who handles them, and auditors, who look."""

from typing import Annotated

from fastapi import APIRouter, Query

from platekeeper_access_audit.ledger.breaches import handlers
from platekeeper_access_audit.ledger.breaches.documents import (
    BreachDocument,
    BreachInFull,
    Closing,
    Deed,
    NewBreach,
    ScopeChoice,
    ScopeDocument,
)
from platekeeper_access_audit.ledger.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1/breaches", tags=["breaches"])
Handler = Annotated[Caller, may(Action.BREACH_EDIT)]
Viewer = Annotated[Caller, may(Action.BREACH_VIEW)]


@router.post("", status_code=201)
async def record(body: NewBreach, who: Handler, tx: Tx, here: Here, place: CurrentPlace) -> BreachInFull:
    """Record a breach of security or data; the clock of notification runs from its detection."""
    found = await handlers.record(
        tx, here, who, summary=body.summary, scope=body.scope, detected_at=body.detected_at, place=place
    )
    return BreachInFull.opened(found)


@router.get("")
async def browse(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> list[BreachDocument]:
    """The breaches of your agency, the last detected first."""
    found, now = await handlers.browse(tx, here, who, place=place)
    return [BreachDocument.of(breach, now) for breach in found]


@router.get("/{breach_id}")
async def show(breach_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> BreachInFull:
    """One breach with everything that was done about it."""
    return BreachInFull.opened(await handlers.show(tx, here, who, breach_id, place=place))


@router.post("/{breach_id}/steps", status_code=201)
async def act(breach_id: str, body: Deed, who: Handler, tx: Tx, here: Here, place: CurrentPlace) -> BreachInFull:
    """Say what was done: it was contained, somebody was told, tokens were revoked, or a note."""
    found = await handlers.act(
        tx, here, who, breach_id, what=body.what, at=body.at, to=body.to, note=body.note, place=place
    )
    return BreachInFull.opened(found)


@router.post("/{breach_id}/close")
async def close(breach_id: str, body: Closing, who: Handler, tx: Tx, here: Here, place: CurrentPlace) -> BreachInFull:
    """Close a breach that is contained and of which those concerned were told."""
    return BreachInFull.opened(await handlers.close(tx, here, who, breach_id, note=body.note, place=place))


@router.get("/{breach_id}/scope")
async def scope(
    breach_id: str, choice: Annotated[ScopeChoice, Query()], who: Viewer, tx: Tx, here: Here, place: CurrentPlace
) -> ScopeDocument:
    """What the breach touched by the access records: who did what between two moments, and what was handed out."""
    return ScopeDocument.of(await handlers.scope(tx, here, who, breach_id, choice.within(), place=place))
