"""The doors of the register of titles."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.agency_names import AskedAgency
from platekeeper_access_audit.accounts.room import Here
from platekeeper_access_audit.accounts.titles import documents, handlers
from platekeeper_access_audit.accounts.titles.domain import RegisteredTitle
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1/titles", tags=["titles"])


@router.get("")
async def list_titles(
    who: Annotated[Caller, may(Action.TITLE_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> list[documents.TitleDocument]:
    """The job titles that are authorised (B5)."""
    found = await handlers.listed(tx, here, agency_id, by=who, place=place)
    return [documents.TitleDocument.model_validate(one) for one in found]


@router.put("")
async def edit_title(
    body: documents.TitleStated,
    who: Annotated[Caller, may(Action.TITLE_EDIT)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.TitleDocument:
    """Authorise a title, or change what it allows and needs."""
    new = RegisteredTitle(title=body.title, kind=body.kind, roles=tuple(body.roles), courses=tuple(body.courses))
    return documents.TitleDocument.model_validate(await handlers.edit(tx, here, new, by=who, place=place))


@router.post("/withdraw", status_code=204)
async def withdraw_title(
    body: documents.TitleNamed,
    who: Annotated[Caller, may(Action.TITLE_EDIT)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> None:
    """Take a title out of the register; refused while open accounts have it."""
    await handlers.withdraw(tx, here, body.title, by=who, place=place)
