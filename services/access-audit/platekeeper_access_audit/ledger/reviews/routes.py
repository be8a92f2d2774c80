"""The door of the review queue, of alerts, and of the register of staff's vehicles."""

from typing import Annotated

from fastapi import APIRouter, Query

from platekeeper_access_audit.ledger.reviews import handlers, register
from platekeeper_access_audit.ledger.reviews.documents import (
    Acknowledgement,
    AlertChoice,
    AlertDocument,
    AlertsDocument,
    Assignment,
    ReviewChoice,
    ReviewDocument,
    ReviewInFull,
    ReviewsDocument,
    Settlement,
    Vehicle,
    VehicleDocument,
)
from platekeeper_access_audit.ledger.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1", tags=["reviews"])
Reviewer = Annotated[Caller, may(Action.REVIEW_SETTLE)]


@router.get("/reviews")
async def browse(
    choice: Annotated[ReviewChoice, Query()],
    who: Annotated[Caller, may(Action.REVIEW_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> ReviewsDocument:
    """What your agency has to review, newest first."""
    found = await handlers.browse(
        tx, here, who, settled=choice.settled, kind=choice.kind, below=choice.cursor, limit=choice.limit, place=place
    )
    return ReviewsDocument.of(found, choice.limit)


@router.get("/reviews/{item_id}")
async def show(
    item_id: str, who: Annotated[Caller, may(Action.REVIEW_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> ReviewInFull:
    """One item with every step that was taken."""
    return ReviewInFull.opened(await handlers.show(tx, here, who, item_id, place=place))


@router.post("/reviews/{item_id}/assign")
async def assign(
    item_id: str, body: Assignment, who: Reviewer, tx: Tx, here: Here, place: CurrentPlace
) -> ReviewDocument:
    """Assign an item to a reviewer who is not the person it is about."""
    return ReviewDocument.model_validate(
        await handlers.assign(tx, here, who, item_id, reviewer=body.reviewer, place=place)
    )


@router.post("/reviews/{item_id}/settle")
async def settle(
    item_id: str, body: Settlement, who: Reviewer, tx: Tx, here: Here, place: CurrentPlace
) -> ReviewDocument:
    """Settle an item with what was found and what followed; the person it is about cannot."""
    settled = await handlers.settle(
        tx, here, who, item_id, finding=body.finding, disposition=body.disposition, place=place
    )
    return ReviewDocument.model_validate(settled)


@router.get("/alerts")
async def alerts(
    choice: Annotated[AlertChoice, Query()],
    who: Annotated[Caller, may(Action.ALERT_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> AlertsDocument:
    """What the administrator is told at once, newest first: prohibited uses that were refused, what is overdue."""
    found = await handlers.alerts(
        tx, here, who, unseen=choice.unseen, below=choice.cursor, limit=choice.limit, place=place
    )
    return AlertsDocument.of(found, choice.limit)


@router.post("/alerts/{alert_id}/acknowledge")
async def acknowledge(
    alert_id: str,
    body: Acknowledgement,
    who: Annotated[Caller, may(Action.ALERT_ACKNOWLEDGE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> AlertDocument:
    """Say that an alert was seen and what is done about it; whom it is about cannot."""
    return AlertDocument.model_validate(
        await handlers.acknowledge(tx, here, who, alert_id, note=body.note, place=place)
    )


@router.get("/staff-plates")
async def vehicles(
    who: Annotated[Caller, may(Action.STAFF_PLATE_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[VehicleDocument]:
    """Whose vehicles the register holds; their plates cannot be read from it."""
    return [VehicleDocument.model_validate(vehicle) for vehicle in await register.entered(tx, here, who, place=place)]


@router.post("/staff-plates", status_code=201)
async def enter(
    body: Vehicle, who: Annotated[Caller, may(Action.STAFF_PLATE_EDIT)], tx: Tx, here: Here, place: CurrentPlace
) -> VehicleDocument:
    """Enter a member's vehicle: whoever asks for its plate is looked at (A4)."""
    entered = await register.enter(tx, here, who, plate=body.plate, username=body.username, place=place)
    return VehicleDocument.model_validate(entered)


@router.delete("/staff-plates/{vehicle_id}", status_code=204)
async def remove(
    vehicle_id: str, who: Annotated[Caller, may(Action.STAFF_PLATE_EDIT)], tx: Tx, here: Here, place: CurrentPlace
) -> None:
    """Take a vehicle out of the register."""
    await register.remove(tx, here, who, vehicle_id, place=place)
