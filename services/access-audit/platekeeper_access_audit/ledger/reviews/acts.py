"""Acts of a person as detectors see them: from the records and the index of plates, without a plate in the clear."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select

from platekeeper_access_audit.ledger.plate_index.storage import plate_index
from platekeeper_access_audit.ledger.reviews.detectors import Act
from platekeeper_access_audit.ledger.storage import access_record
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId

MOST = 20_000
"""Acts of one person that detectors are given, the newest."""
Digest = tuple[str, str]
"""Month and digest of a plate in the index."""
_SEEN = ("id", "at", "name", "action", "outcome", "result_count", "shift", "matter_type", "matter_number")


async def of_person(
    tx: Tx,
    agency_id: AgencyId,
    username: str,
    *,
    since: datetime,
    before: int,
    same: Mapping[Digest, str],
    vehicles: Mapping[str, str],
) -> list[Act]:
    """The person's acts with plate data since then, below the position `before`, oldest first.

    Of several plates that an act names one stands for it; a search names one. `same`: digests of one plate in several
    months, as one token. `vehicles`: by record, whose vehicle it asked for.
    """
    table, index, named = access_record.c, plate_index.c, plate_index.alias()
    first = select(func.min(named.c.digest)).where(named.c.position == table.position).scalar_subquery()
    columns = [table[name] for name in (*_SEEN, "requested_by", "actor")]
    mine = and_(table.agency_id == agency_id, table.username == username, table.at >= since, table.position < before)
    statement = (
        select(*columns, index.month, index.digest, index.further)
        .join_from(
            access_record, plate_index, and_(index.position == table.position, index.digest == first), isouter=True
        )
        .where(mine, table.kind == "plate_data")
        .order_by(table.at.desc(), table.position.desc())
        .limit(MOST)
    )
    return [_act(row, same, vehicles) for row in reversed(await tx.rows(statement))]


def _act(row: Row[Any], same: Mapping[Digest, str], vehicles: Mapping[str, str]) -> Act:
    digest = None if row.digest is None else (row.month, row.digest)
    return Act(
        record_id=row.id,
        at=row.at,
        name=row.name,
        action=row.action,
        allowed=row.outcome == "allowed",
        found=row.result_count or 0,
        plate=None if digest is None else same.get(digest, "/".join(digest)),
        further=bool(row.further),
        shift=row.shift,
        matter=f"{row.matter_type} {row.matter_number or ''}",
        numbered=row.matter_number is not None,
        requested_by=row.requested_by,
        released=row.actor is not None,
        vehicle_of=vehicles.get(row.id),
    )
