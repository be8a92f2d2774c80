"""The register of staff's vehicles: an administrator enters a plate, and only its keyed digest is kept."""

from collections.abc import Collection

from sqlalchemy.exc import IntegrityError

from platekeeper_access_audit.ledger.plate_index.domain import digest
from platekeeper_access_audit.ledger.reviews import register_storage as storage
from platekeeper_access_audit.ledger.reviews.register_storage import StaffPlate
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common import ids, plates
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, NotFound
from platekeeper_common.ids import AgencyId


def key_name(agency_id: AgencyId) -> str:
    """The key of the register's digests in the key store; it does not die with a month."""
    return f"{agency_id}/staff-plates/digest"


async def enter(tx: Tx, here: LedgerRoom, by: Caller, *, plate: str, username: str, place: Place) -> StaffPlate:
    """Enter the vehicle of a member. Raises Invalid `plate_invalid`, Conflict `vehicle_exists`."""
    key = await here.foundation.keys.key(key_name(by.agency_id))
    entered = StaffPlate(
        id=ids.new(),
        agency_id=by.agency_id,
        digest=digest(key, plates.normalise(plate)),
        username=username,
        entered_by=by.subject,
        entered_at=here.clock(),
    )
    try:
        await storage.add(tx, entered)
    except IntegrityError as error:
        raise Conflict("the register holds a vehicle with this plate", code="vehicle_exists") from error
    tx.emit(here.recorder.administration(by, Action.STAFF_PLATE_EDIT, "staff_plate", entered.id, place))
    return entered


async def entered(tx: Tx, here: LedgerRoom, by: Caller, *, place: Place) -> list[StaffPlate]:
    """Whose vehicles the register holds."""
    found = [*await storage.of_agency(tx, by.agency_id)]
    tx.emit(
        here.recorder.administration(by, Action.STAFF_PLATE_VIEW, "staff_plates", "all", place, result_count=len(found))
    )
    return found


async def remove(tx: Tx, here: LedgerRoom, by: Caller, vehicle_id: str, *, place: Place) -> None:
    """Take a vehicle out. Raises NotFound `vehicle_unknown`."""
    if not await storage.remove(tx, by.agency_id, vehicle_id):
        raise NotFound("no such vehicle in the register", code="vehicle_unknown")
    tx.emit(here.recorder.administration(by, Action.STAFF_PLATE_EDIT, "staff_plate", vehicle_id, place))


async def owner_of(here: LedgerRoom, agency_id: AgencyId, meant: Collection[str]) -> str | None:
    """Whose vehicle bears one of the normalised plates, by username; None when it is none of the register's."""
    async with here.db.tx() as tx:
        known = {vehicle.digest: vehicle.username for vehicle in await storage.of_agency(tx, agency_id)}
    if not known or not meant:
        return None
    key = await here.foundation.keys.key(key_name(agency_id))
    return next((owner for plate in meant if (owner := known.get(digest(key, plate))) is not None), None)
