"""Searches of a period that named no plate: they are in no index, so they are opened one by one."""

from datetime import datetime

from sqlalchemy import select

from platekeeper_access_audit.ledger.domain import SEARCHES, Entry
from platekeeper_access_audit.ledger.plate_index.storage import plate_index
from platekeeper_access_audit.ledger.storage import access_record, as_entry
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId


async def at(tx: Tx, positions: list[int]) -> list[Entry]:
    """The entries at the positions, in no order."""
    found = await tx.rows(select(access_record).where(access_record.c.position.in_(positions)))
    return [as_entry(row) for row in found]


async def unindexed(tx: Tx, agency_id: AgencyId, start: datetime, end: datetime, *, limit: int) -> list[Entry]:
    """The newest `limit` searches of the agency from `start` to before `end` that the index does not hold."""
    table = access_record.c
    indexed = select(plate_index.c.position).where(plate_index.c.position == table.position).exists()
    chosen = select(access_record).where(
        table.agency_id == agency_id,
        table.at >= start,
        table.at < end,
        table.action.in_(SEARCHES),
        table.query_key_id.is_not(None),
        ~indexed,
    )
    newest = chosen.order_by(table.at.desc(), table.position.desc()).limit(limit)
    return [as_entry(row) for row in await tx.rows(newest)]
