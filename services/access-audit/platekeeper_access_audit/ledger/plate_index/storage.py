"""The table of digests, beside the records and never in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Index, String, Table

from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import RowId

plate_index = Table(
    "plate_index",
    metadata,
    Column("position", RowId, primary_key=True, autoincrement=False, comment="of the access record"),
    Column("agency_id", String, nullable=False),
    Column("month", String, nullable=False, comment="whose key made the digest"),
    Column("digest", String, nullable=False),
    Column("further", Boolean, nullable=False, comment="a later page of a search that another record began"),
    Index("plate_index_digest", "agency_id", "month", "digest", "position"),
)


@dataclass(frozen=True, slots=True)
class Indexed:
    """The digest of the plate that the record at `position` asked for."""

    position: int
    agency_id: AgencyId
    month: str
    digest: str
    further: bool


async def add(tx: Tx, found: Sequence[Indexed]) -> None:
    """Keep the digests of records that have none yet."""
    if found:
        rows = [{name: getattr(one, name) for name in Indexed.__slots__} for one in found]
        await tx.write(plate_index.insert(), rows)
