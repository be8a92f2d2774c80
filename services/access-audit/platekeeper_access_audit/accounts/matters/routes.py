"""The doors of matters: chosen once, and the ordinary search carries only the plate (clauses A4, A8)."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.matters import handlers
from platekeeper_access_audit.accounts.matters.documents import (
    MatterAsked,
    MatterDocument,
    MatterShown,
    MatterToken,
    NumberSupplied,
)
from platekeeper_access_audit.accounts.matters.handlers import Carried
from platekeeper_access_audit.accounts.room import AccountsRoom, Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1", tags=["matters"])


@router.put("/session/matter")
async def choose(
    body: MatterAsked,
    who: Annotated[Caller, may(Action.MATTER_CHOOSE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> MatterToken:
    """Choose purpose and matter for 60 minutes, as often as they change; the answer's token carries them."""
    return _token(await handlers.choose(tx, here, body.use(), by=who, place=place), here)


@router.get("/session/matter")
async def show(who: Annotated[Caller, may(Action.MATTER_VIEW)], tx: Tx, here: Here, place: CurrentPlace) -> MatterShown:
    """The purpose and matter of this session, and until when."""
    matter = await handlers.show(tx, here, by=who, place=place)
    return MatterShown(matter=MatterDocument.model_validate(matter) if matter else None)


@router.delete("/session/matter")
async def end(who: Annotated[Caller, may(Action.MATTER_END)], tx: Tx, here: Here, place: CurrentPlace) -> MatterToken:
    """End the matter; the answer's token carries none."""
    return _token(await handlers.end(tx, here, by=who, place=place), here)


@router.post("/matters/{matter_session}/number")
async def supply_number(
    matter_session: str,
    body: NumberSupplied,
    who: Annotated[Caller, may(Action.MATTER_NUMBER)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> MatterDocument:
    """Supply the number that was pending; the next token carries it."""
    matter = await handlers.supply_number(tx, here, matter_session, body.matter_number, by=who, place=place)
    return MatterDocument.model_validate(matter)


def _token(carried: Carried, here: AccountsRoom) -> MatterToken:
    caller = carried.caller
    return MatterToken(
        access_token=carried.token,
        expires_in=int((caller.expires_at - here.clock()).total_seconds()),
        matter=MatterDocument.model_validate(caller.matter) if caller.matter else None,
    )
