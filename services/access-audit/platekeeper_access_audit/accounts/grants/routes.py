"""The doors of role grants."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.grants import handlers
from platekeeper_access_audit.accounts.grants.documents import GrantDocument, RolesRequest
from platekeeper_access_audit.accounts.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(tags=["accounts"])


@router.put("/v1/accounts/{account_id}/roles")
async def change_roles(
    account_id: str,
    body: RolesRequest,
    who: Annotated[Caller, may(Action.ROLES_CHANGE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> GrantDocument:
    """Other roles for an account; a role that it did not have waits for a second person (B2)."""
    return GrantDocument.of(
        await handlers.change(tx, here, account_id, tuple(body.roles), body.reason, by=who, place=place)
    )


@router.get("/v1/role-grants")
async def list_grants(
    who: Annotated[Caller, may(Action.ACCOUNT_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[GrantDocument]:
    """Every grant of the agency, and those that wait."""
    return [GrantDocument.of(grant) for grant in await handlers.listed(tx, here, by=who, place=place)]


@router.post("/v1/role-grants/{grant_id}/confirm")
async def confirm(
    grant_id: str,
    who: Annotated[Caller, may(Action.ROLES_CONFIRM)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> GrantDocument:
    """Put a grant in force, as the second person (B2)."""
    return GrantDocument.of(await handlers.confirm(tx, here, grant_id, by=who, place=place))
