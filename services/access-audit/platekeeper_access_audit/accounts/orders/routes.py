"""The doors of purge orders."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.accounts.orders import documents, handlers
from platekeeper_access_audit.accounts.orders.documents import OrderDocument
from platekeeper_access_audit.accounts.orders.domain import Approvals
from platekeeper_access_audit.accounts.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1/purge-orders", tags=["purge orders"])


@router.post("", status_code=201)
async def draft(
    body: documents.OrderRequest,
    who: Annotated[Caller, may(Action.PURGE_ORDER_DRAFT)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> OrderDocument:
    """Draft an order; it is in force once every post that signs has (B10)."""
    new = handlers.NewOrder(
        kind=body.kind,
        schedule_item=body.schedule_item,
        received_from=body.received_from,
        received_before=body.received_before,
        reason=body.reason,
        approvals=Approvals(body.governing_body, body.attorney_consent),
    )
    return OrderDocument.of(await handlers.draft(tx, here, new, by=who, place=place), here.clock())


@router.get("")
async def list_orders(
    who: Annotated[Caller, may(Action.PURGE_ORDER_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> list[OrderDocument]:
    """Every order of the agency, who signed it and who is missing."""
    now = here.clock()
    return [OrderDocument.of(order, now) for order in await handlers.listed(tx, here, by=who, place=place)]


@router.post("/{order_id}/signatures", status_code=201)
async def sign(
    order_id: str,
    body: documents.SignatureRequest,
    who: Annotated[Caller, may(Action.PURGE_ORDER_SIGN)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> OrderDocument:
    """Sign for a post that you hold; two posts are two persons (B10)."""
    order = await handlers.sign(tx, here, order_id, body.post, body.sha256, by=who, place=place)
    return OrderDocument.of(order, here.clock())


@router.post("/{order_id}/revoke")
async def revoke(
    order_id: str,
    who: Annotated[Caller, may(Action.PURGE_ORDER_SIGN)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> OrderDocument:
    """Take an order back: nothing is destroyed under it any more."""
    return OrderDocument.of(await handlers.revoke(tx, here, order_id, by=who, place=place), here.clock())


@router.post("/{order_id}/check")
async def check(
    order_id: str,
    body: documents.PurgeRequest,
    who: Annotated[Caller, may(Action.PURGE_ORDER_VIEW)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> documents.CheckDocument:
    """May this purge run under the order now? A refusal says what is missing (B9, B10)."""
    order = await handlers.check(tx, here, order_id, body.purge(), by=who, place=place)
    shown = OrderDocument.of(order, here.clock())
    assert order.ends_at is not None  # noqa: S101 - it is in force
    return documents.CheckDocument(order_id=order.id, signatures=shown.signatures, ends_at=order.ends_at)
