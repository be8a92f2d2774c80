"""The table of staff's vehicles: digests, whose they are, and no plate."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, UniqueConstraint, delete, select

from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

staff_plate = Table(
    "staff_plate",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("username", String, nullable=False, comment="whose vehicle it is"),
    Column("entered_by", String, nullable=False),
    Column("entered_at", Moment, nullable=False),
    UniqueConstraint("agency_id", "digest"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffPlate:
    """A vehicle of staff: whose it is and when it was entered; its plate cannot be read from here."""

    id: str
    agency_id: AgencyId
    digest: str
    username: str
    entered_by: str
    entered_at: datetime


async def add(tx: Tx, vehicle: StaffPlate) -> None:
    """Enter a vehicle. Raises IntegrityError when its plate is there."""
    await tx.write(staff_plate.insert().values(asdict(vehicle)))


async def of_agency(tx: Tx, agency_id: AgencyId) -> Sequence[StaffPlate]:
    """The agency's register, by username."""
    table = staff_plate.c
    statement = select(staff_plate).where(table.agency_id == agency_id).order_by(table.username, table.id)
    return [StaffPlate(**by_column(row)) for row in await tx.rows(statement)]


async def remove(tx: Tx, agency_id: AgencyId, vehicle_id: str) -> bool:
    """Take a vehicle out; whether it was there."""
    table = staff_plate.c
    return bool(await tx.write(delete(staff_plate).where(table.id == vehicle_id, table.agency_id == agency_id)))
