"""The doors of policy changes."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.policy_changes import handlers
from platekeeper_access_audit.accounts.policy_changes.documents import (
    ChangeDocument,
    ChangeRequest,
    VersionDocument,
    WholeVersion,
)
from platekeeper_access_audit.accounts.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(tags=["policy"])


@router.post("/v1/policy-changes", status_code=201)
async def propose(
    body: ChangeRequest,
    who: Annotated[Caller, may(Action.POLICY_CHANGE_PROPOSE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> ChangeDocument:
    """Change the policy; what shortens retention or widens access waits for a second person (B2)."""
    return ChangeDocument.of(await handlers.propose(tx, here, body.document, body.reason, by=who, place=place))


@router.get("/v1/policy-changes")
async def list_changes(
    who: Annotated[Caller, may(Action.POLICY_CHANGE_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[ChangeDocument]:
    """Every change, what it weighs and what became of it."""
    return [ChangeDocument.of(change) for change in await handlers.listed(tx, here, by=who, place=place)]


@router.post("/v1/policy-changes/{change_id}/confirm")
async def confirm(
    change_id: str,
    who: Annotated[Caller, may(Action.POLICY_CHANGE_CONFIRM)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> ChangeDocument:
    """Put a change in force, as the second person (B2)."""
    return ChangeDocument.of(await handlers.confirm(tx, here, change_id, by=who, place=place))


@router.post("/v1/policy-changes/{change_id}/withdraw")
async def withdraw(
    change_id: str,
    who: Annotated[Caller, may(Action.POLICY_CHANGE_PROPOSE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> ChangeDocument:
    """Take a proposal back."""
    return ChangeDocument.of(await handlers.withdraw(tx, here, change_id, by=who, place=place))


@router.get("/v1/policy-versions")
async def list_versions(
    who: Annotated[Caller, may(Action.POLICY_CHANGE_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[VersionDocument]:
    """Every version of the policy, signed, latest first."""
    return [VersionDocument.of(one) for one in await handlers.history(tx, here, by=who, place=place)]


@router.get("/v1/policy-versions/{number}")
async def show_version(
    number: int, who: Annotated[Caller, may(Action.POLICY_CHANGE_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> WholeVersion:
    """A version with its settings."""
    return WholeVersion.whole(await handlers.version(tx, here, number, by=who, place=place))
