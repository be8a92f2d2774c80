"""The doors of revocations."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.revocations import handlers
from platekeeper_access_audit.accounts.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(tags=["revocation"])


@router.post("/v1/accounts/{account_id}/revoke-tokens", status_code=204)
async def revoke_person(
    account_id: str, who: Annotated[Caller, may(Action.ACCOUNT_REVOKE)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """End every session of a person, open hit streams included."""
    await handlers.revoke_person(tx, here, account_id, by=who, place=place)


@router.post("/v1/device-tokens/{device_id}/revoke", status_code=204)
async def revoke_device(
    device_id: str, who: Annotated[Caller, may(Action.DEVICE_REVOKE)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """Make the tokens of a device worth nothing."""
    await handlers.revoke_device(tx, here, device_id, by=who, place=place)


@router.post("/v1/agencies/{agency_id}/revoke-tokens", status_code=204)
async def revoke_agency(
    agency_id: str, who: Annotated[Caller, may(Action.AGENCY_REVOKE)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """In one step, every token of the agency's people and devices is worth nothing (G5)."""
    await handlers.revoke_agency(tx, here, agency_id, by=who, place=place)
