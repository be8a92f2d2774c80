"""The doors of the own second factor."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.room import Here
from platekeeper_access_audit.accounts.second_factors import handlers
from platekeeper_access_audit.accounts.second_factors.documents import (
    RecoveryCodes,
    SecondFactorConfirmation,
    SecondFactorDocument,
)
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

Own = Annotated[Caller, may(Action.SECOND_FACTOR_ENROL)]

router = APIRouter(tags=["second factor"])


@router.post("/v1/me/second-factor", status_code=201)
async def enrol(who: Own, tx: Tx, here: Here, place: CurrentPlace) -> SecondFactorDocument:
    """A second factor for the caller's own account."""
    return SecondFactorDocument(**asdict(await handlers.enrol(tx, here, by=who, place=place)))


@router.post("/v1/me/second-factor/confirm")
async def confirm(body: SecondFactorConfirmation, who: Own, tx: Tx, here: Here, place: CurrentPlace) -> RecoveryCodes:
    """Show that the second factor works; from then on each login needs it. Answers the recovery codes, once."""
    return RecoveryCodes(recovery_codes=await handlers.confirm(tx, here, body.code, by=who, place=place))
