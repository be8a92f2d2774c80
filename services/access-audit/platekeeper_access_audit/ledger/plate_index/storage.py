"""The table of digests, beside the records and never in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Index, String, Table
from sqlalchemy.dialects.postgresql import insert

from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import RowId

plate_index = Table(
    "plate_index",
    metadata,
    Column("position", RowId, primary_key=True, autoincrement=False, comment="of the access record"),
    Column("digest", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("month", String, nullable=False, comment="whose key made the digest"),
    Column("further", Boolean, nullable=False, comment="a later page of a search that another record began"),
    Index("plate_index_digest", "agency_id", "month", "digest", "position"),
)


@dataclass(frozen=True, slots=True)
class Indexed:
    """The digest of a plate that the record at `position` named."""

    position: int
    agency_id: AgencyId
    month: str
    digest: str
    further: bool


async def add(tx: Tx, found: Sequence[Indexed]) -> None:
    """Keep the digests. Safe to run twice."""
    if found:
        rows = [{name: getattr(one, name) for name in Indexed.__slots__} for one in found]
        once = insert(plate_index).on_conflict_do_nothing(index_elements=["position", "digest"])
        await tx.write(once, rows)
