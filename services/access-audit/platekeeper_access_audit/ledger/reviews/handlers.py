"""What reviewers do with the queue, and the administrator with alerts. Each step leaves an access record."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from platekeeper_access_audit.ledger import storage as ledger
from platekeeper_access_audit.ledger.reviews import alert_storage, domain, storage
from platekeeper_access_audit.ledger.reviews.domain import Alert, Disposition, Item, Step
from platekeeper_access_audit.ledger.reviews.watching import LOCK
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common.access import Place, unseal
from platekeeper_common.actions import Action
from platekeeper_common.authorization import opens_plate_data
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, Gone, NotFound
from platekeeper_common.ids import AgencyId

REASONS_SHOWN = 20
Reasons = tuple[str, ...] | Literal["sealed"]
"""The words given for the purpose `other_le`. They may hold plates: sealed for whom no plate data opens to."""


@dataclass(frozen=True, slots=True)
class InFull:
    """An item with its steps, and in what words its purpose was given."""

    item: Item
    steps: Sequence[Step]
    reasons: Reasons


async def browse(
    tx: Tx, here: LedgerRoom, by: Caller, *, settled: bool | None, kind: str | None, below: int | None, limit: int,
    place: Place,
) -> Sequence[Item]:  # fmt: skip
    """Items of the queue, the newest first, below a number."""
    found = await storage.items(tx, by.agency_id, settled=settled, kind=kind, below=below, limit=limit)
    tx.emit(
        here.recorder.administration(by, Action.REVIEW_VIEW, "reviews", kind or "all", place, result_count=len(found))
    )
    return found


async def show(tx: Tx, here: LedgerRoom, by: Caller, item_id: str, *, place: Place) -> InFull:
    """One item in full. Raises NotFound `review_unknown`."""
    item = await _own(tx, by, item_id)
    reasons: Reasons = "sealed" if item.kind == "other_le" else ()
    if item.kind == "other_le" and opens_plate_data(by):
        reasons = await _reasons(tx, here, item)
    tx.emit(here.recorder.administration(by, Action.REVIEW_VIEW, "review", item_id, place))
    return InFull(item, await storage.steps(tx, item_id), reasons)


async def assign(tx: Tx, here: LedgerRoom, by: Caller, item_id: str, *, reviewer: str, place: Place) -> Item:
    """Assign the item to an account. Raises NotFound, Refused `own_review`, Conflict `review_settled`."""
    await tx.lock(LOCK)
    item = await _own(tx, by, item_id)
    domain.demand_not_subject(item.subject, by)
    domain.demand_may_assign(item, reviewer)
    assigned = replace(item, reviewer=reviewer)
    step = Step(at=here.clock(), what="assigned", subject=by.subject, username=by.username, note=reviewer)
    await storage.change_item(tx, assigned, step)
    tx.emit(here.recorder.administration(by, Action.REVIEW_SETTLE, "review", item_id, place))
    return assigned


async def settle(
    tx: Tx, here: LedgerRoom, by: Caller, item_id: str, *, finding: str, disposition: Disposition, place: Place
) -> Item:
    """Settle the item for good. Raises NotFound, Refused `own_review`, Conflict (`domain.demand_may_settle`)."""
    await tx.lock(LOCK)
    item = await _own(tx, by, item_id)
    domain.demand_may_settle(item, by)
    now = here.clock()
    settled = replace(item, finding=finding, disposition=disposition, settled_by=by.subject, settled_at=now)
    step = Step(at=now, what="settled", subject=by.subject, username=by.username, note=f"{disposition}: {finding}")
    await storage.change_item(tx, settled, step)
    tx.emit(here.recorder.administration(by, Action.REVIEW_SETTLE, "review", item_id, place))
    return settled


async def alerts(
    tx: Tx, here: LedgerRoom, by: Caller, *, unseen: bool, below: int | None, limit: int, place: Place
) -> Sequence[Alert]:
    """Alerts of the agency, the newest first, below a number."""
    found = await alert_storage.of_agency(tx, by.agency_id, unseen=unseen, below=below, limit=limit)
    tx.emit(here.recorder.administration(by, Action.ALERT_VIEW, "alerts", "all", place, result_count=len(found)))
    return found


async def acknowledge(tx: Tx, here: LedgerRoom, by: Caller, alert_id: str, *, note: str, place: Place) -> Alert:
    """Say that the alert was seen. Raises NotFound, Refused `own_review`, Conflict `alert_acknowledged`."""
    await tx.lock(LOCK)
    alert = await alert_storage.get(tx, by.agency_id, alert_id)
    if alert is None:
        raise NotFound("no such alert", code="alert_unknown")
    domain.demand_not_subject(alert.subject, by)
    if alert.acknowledged_at is not None:
        raise Conflict("this alert was acknowledged", code="alert_acknowledged")
    seen = replace(alert, acknowledged_at=here.clock(), acknowledged_by=by.subject, note=note)
    await alert_storage.acknowledge(tx, seen)
    tx.emit(here.recorder.administration(by, Action.ALERT_ACKNOWLEDGE, "alert", alert_id, place))
    return seen


async def _own(tx: Tx, by: Caller, item_id: str) -> Item:
    item = await storage.item(tx, by.agency_id, item_id)
    if item is None:
        raise NotFound("no such item in the queue", code="review_unknown")
    return item


async def _reasons(tx: Tx, here: LedgerRoom, item: Item) -> tuple[str, ...]:
    found: list[str] = []
    for record_id in item.record_ids[:REASONS_SHOWN]:
        reason = await _reason(tx, here, item.agency_id, record_id)
        if reason and reason not in found:
            found.append(reason)
    return tuple(found)


async def _reason(tx: Tx, here: LedgerRoom, agency_id: AgencyId, record_id: str) -> str | None:
    entry = await ledger.get(tx, agency_id, record_id)
    if entry is None or entry.record.query is None:
        return None
    try:
        elements = json.loads(await unseal(here.foundation.keys, record_id, entry.record.query))
    except (Gone, ValueError):
        return None
    reason = elements.get("reason")
    return reason if isinstance(reason, str) else None
