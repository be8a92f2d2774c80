"""The door to a service's dead letters, for the platform's administrator. Retrying and discarding one are audited acts.

A letter is shown by type, place, reason and digest, never by content: it may hold plates.
"""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Row

from platekeeper_common import dead_letters, edge
from platekeeper_common.actions import Action
from platekeeper_common.bus.consumer import UNDECODABLE
from platekeeper_common.bus.contract import Handler, Reject
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may
from platekeeper_common.errors import Conflict
from platekeeper_common.events import catalogue
from platekeeper_common.events.envelope import Undecodable
from platekeeper_common.service import Room, Service

Here = Annotated[Room, Depends(edge.room)]
Viewer = Annotated[Caller, may(Action.DEAD_LETTERS_VIEW)]
Discarder = Annotated[Caller, may(Action.DEAD_LETTERS_DISCARD)]
Retrier = Annotated[Caller, may(Action.DEAD_LETTERS_RETRY)]


def router(service: Service) -> APIRouter:
    """List, show, retry and discard the dead letters of the service's consumer groups."""
    routes = APIRouter(prefix=f"/v1/dead-letters/{service.name}", tags=["dead letters"])

    @routes.get("")
    async def find(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> list[dict[str, Any]]:
        """The newest hundred."""
        rows = await dead_letters.find(tx)
        tx.emit(here.recorder.administration(who, Action.DEAD_LETTERS_VIEW, "dead_letters", service.name, place))
        return [_shown(row) for row in rows]

    @routes.get("/{letter_id}")
    async def show(letter_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> dict[str, Any]:
        """One letter."""
        row = await dead_letters.get(tx, letter_id)
        tx.emit(here.recorder.administration(who, Action.DEAD_LETTERS_VIEW, "dead_letter", letter_id, place))
        return _shown(row)

    @routes.post("/{letter_id}/retry")
    async def retry(letter_id: str, who: Retrier, request: Request, here: Here, place: CurrentPlace) -> dict[str, str]:
        """Give the event to its group's handler once more; it leaves the dead letters when that succeeds.

        The record of the act is committed before the handler sees the event.
        """
        async with edge.committed_at_end(request) as tx:
            row = await dead_letters.get(tx, letter_id)
            dead_letters.demand_content(row)
            handler = _handler(service, here, row.consumer_group)
            tx.emit(here.recorder.administration(who, Action.DEAD_LETTERS_RETRY, "dead_letter", letter_id, place))
        reason = await _failure(handler, row)
        async with here.db.tx() as tx:
            if reason is not None:
                await dead_letters.failed_again(tx, letter_id, reason)
                return {"id": letter_id, "outcome": "failed", "reason": reason}
            await dead_letters.remove(tx, letter_id)
            return {"id": letter_id, "outcome": "handled"}

    @routes.delete("/{letter_id}", status_code=204)
    async def discard(letter_id: str, who: Discarder, tx: Tx, here: Here, place: CurrentPlace) -> None:
        """Delete the letter: nobody will handle its event."""
        await dead_letters.get(tx, letter_id)
        await dead_letters.remove(tx, letter_id)
        tx.emit(here.recorder.administration(who, Action.DEAD_LETTERS_DISCARD, "dead_letter", letter_id, place))

    return routes


def _handler(service: Service, here: Room, group: str) -> Handler:
    """What handles the group's events. Raises Conflict `dead_letter_orphaned`."""
    for consumes in service.consumes:
        if consumes.group == group:
            return consumes.handler(here)
    raise Conflict(f"no group {group} in this version", code="dead_letter_orphaned")


async def _failure(handler: Handler, row: Row[Any]) -> str | None:
    """Why the handler failed once more; None when it did not."""
    try:
        await handler([catalogue.decode(row.value)])
    except Undecodable:
        return UNDECODABLE
    except Reject as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is the answer
        return f"failed: {type(error).__name__}"
    return None


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "group": row.consumer_group,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
        "published_at": row.published_at,
        "at": row.at,
        "reason": row.reason,
        "attempts": row.attempts,
        "bytes": len(row.value),
        "sha256": None if row.forgotten_at else hashlib.sha256(row.value).hexdigest(),
        "forgotten_at": row.forgotten_at,
    }
