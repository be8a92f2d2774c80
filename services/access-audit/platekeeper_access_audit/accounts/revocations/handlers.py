"""Revoking tokens in one step: a person's, a device's, an agency's (clauses A3, G2, G5).

What is revoked is told to every process, gateways' services and open streams included; a person signs on again, a
device asks for another token with its secret.
"""

from platekeeper_access_audit.accounts import storage
from platekeeper_access_audit.accounts.domain import agency_for
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_access_audit.accounts.sessions import storage as kept
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.authorization import reaches_all
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.events.access import AccessRevoked
from platekeeper_common.ids import AgencyId


async def revoke_person(tx: Tx, here: AccountsRoom, account_id: str, *, by: Caller, place: Place) -> None:
    """End every session of the account. Raises NotFound `account_unknown`."""
    own = None if reaches_all(by, Action.ACCOUNT_REVOKE) else by.agency_id
    account = await storage.find_account(tx, account_id, own)
    await sessions.end_all(tx, here, account.id, account.agency_id, "revoked")
    tx.emit(here.recorder.administration(by, Action.ACCOUNT_REVOKE, "account", account.id, place))


async def revoke_device(tx: Tx, here: AccountsRoom, device_id: str, *, by: Caller, place: Place) -> None:
    """The device's tokens are worth nothing; to keep it out, retire it too. Raises NotFound `device_unknown`."""
    known = await storage.device(tx, device_id)
    if known is None or known.agency_id != by.agency_id:
        raise NotFound("no such device", code="device_unknown")
    tx.emit(AccessRevoked(agency_id=by.agency_id, before=here.clock(), subject=device_id))
    tx.emit(here.recorder.administration(by, Action.DEVICE_REVOKE, "device", device_id, place))


async def revoke_agency(tx: Tx, here: AccountsRoom, asked: str, *, by: Caller, place: Place) -> None:
    """End every session of the agency's people and every token of its devices, the caller's own among them (G5).

    A partner's people are an agency of their own: this is their revocation too. Raises NotFound `agency_unknown`.
    """
    agency = await storage.find_agency(tx, agency_for(by, asked, Action.AGENCY_REVOKE))
    await kept.end_of_agency(tx, AgencyId(agency.id), "revoked", here.clock())
    tx.emit(AccessRevoked(agency_id=agency.id, before=here.clock()))
    tx.emit(here.recorder.administration(by, Action.AGENCY_REVOKE, "agency", agency.id, place))
