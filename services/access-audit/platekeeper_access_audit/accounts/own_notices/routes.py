"""The door of the own notices."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.own_notices import storage
from platekeeper_access_audit.accounts.own_notices.documents import NoticeDocument
from platekeeper_access_audit.accounts.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(tags=["notices"])


@router.get("/v1/me/notices")
async def own_notices(
    who: Annotated[Caller, may(Action.NOTICES_READ)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> list[NoticeDocument]:
    """What happened at the own account, newest first (A3)."""
    tx.emit(here.recorder.administration(who, Action.NOTICES_READ, "account", who.subject, place))
    return [NoticeDocument.model_validate(one) for one in await storage.notices(tx, who.subject)]
