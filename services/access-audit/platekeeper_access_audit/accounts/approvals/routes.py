"""The doors of access approvals."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.agency_names import AskedAgency
from platekeeper_access_audit.accounts.approvals import documents, handlers
from platekeeper_access_audit.accounts.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1", tags=["access approvals"])


@router.get("/access-approvals")
async def list_approvals(
    who: Annotated[Caller, may(Action.APPROVAL_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    agency_id: AskedAgency = None,
) -> list[documents.ReviewedDocument]:
    """Who has access, approved by whom, and whose review is due or overdue (A8); those first."""
    return [documents.reviewed(one) for one in await handlers.listed(tx, here, agency_id, by=who, place=place)]


@router.post("/access-approvals", status_code=201)
async def review(
    body: documents.ReviewStated,
    who: Annotated[Caller, may(Action.ACCESS_APPROVE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> list[documents.ApprovalDocument]:
    """Approve the access of these people anew, as it stands, until the next review."""
    given = await handlers.review(tx, here, body.account_ids, by=who, place=place)
    return [documents.approval(one) for one in given]


@router.put("/accounts/{account_id}/access", status_code=204)
async def change_access(
    account_id: str,
    body: documents.AccessStated,
    who: Annotated[Caller, may(Action.ACCESS_APPROVE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> None:
    """Give an account another title, other roles or another end; this approves it."""
    await handlers.change(tx, here, account_id, body.access(), by=who, place=place)


@router.post("/accounts/{account_id}/separate", status_code=204)
async def separate(
    account_id: str, who: Annotated[Caller, may(Action.ACCOUNT_SEPARATE)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """The person has left the department: access ends at once, posts are vacant."""
    await handlers.separate(tx, here, account_id, by=who, place=place)
