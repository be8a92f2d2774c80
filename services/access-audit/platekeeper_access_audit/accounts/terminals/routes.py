"""The doors of the register of terminals."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.room import Here
from platekeeper_access_audit.accounts.terminals import handlers
from platekeeper_access_audit.accounts.terminals.documents import NewTerminal, TerminalDocument, TerminalSecret
from platekeeper_access_audit.accounts.terminals.domain import RegisteredTerminal
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.documents import PositionDocument
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(tags=["terminals"])


@router.post("/v1/terminals", status_code=201)
async def register(
    body: NewTerminal,
    who: Annotated[Caller, may(Action.TERMINAL_REGISTER)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> TerminalSecret:
    """Register a workstation of the own agency; its secret is shown once."""
    position = body.position.position() if body.position else None
    new, secret = await handlers.register(tx, here, body.name, body.kind, position, by=who, place=place)
    return TerminalSecret(**_document(new).model_dump(), secret=secret)


@router.get("/v1/terminals")
async def listed(
    who: Annotated[Caller, may(Action.TERMINAL_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[TerminalDocument]:
    """The agency's workstations, retired ones too."""
    return [_document(one) for one in await handlers.listed(tx, here, by=who, place=place)]


@router.post("/v1/terminals/{terminal_id}/retire", status_code=204)
async def retire(
    terminal_id: str, who: Annotated[Caller, may(Action.TERMINAL_RETIRE)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """Take a workstation out of service; the sessions there end."""
    await handlers.retire(tx, here, terminal_id, by=who, place=place)


def _document(one: RegisteredTerminal) -> TerminalDocument:
    position = one.position
    return TerminalDocument(
        id=one.id,
        name=one.name,
        kind=one.kind,
        position=PositionDocument(latitude=position.latitude, longitude=position.longitude) if position else None,
        registered_at=one.registered_at,
        retired_at=one.retired_at,
    )
