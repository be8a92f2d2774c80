"""Training: whom the training owner has certified."""

from dataclasses import dataclass
from datetime import date, datetime

from platekeeper_access_audit.accounts import domain, storage
from platekeeper_access_audit.accounts.agencies import policy_of
from platekeeper_access_audit.accounts.domain import Certificate
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.auth import Caller
from platekeeper_common.authorization import Action
from platekeeper_common.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCertificate:
    """What the training owner certifies."""

    account_id: str
    course: str
    version: str
    completed_on: date
    valid_until: datetime
    proof_sha256: str


async def certify(tx: Tx, here: AccountsRoom, new: NewCertificate, *, by: Caller, place: Place) -> Certificate:
    """Certify training; only the holder of the certifying post does, and never the own (C3).

    Raises Refused `self_certification` or `not_training_owner`, NotFound, Conflict, Invalid.
    """
    now = here.clock()
    await tx.lock()
    agency = await storage.find_agency(tx, by.agency_id)
    policy = policy_of(here, agency)
    certifiers = await incumbents.who_may(tx, here, agency, domain.certifying_post(policy), Action.TRAINING_CERTIFY)
    domain.demand_certifier(by, {one.account_id for one in certifiers}, policy, new.account_id)
    domain.demand_dates(new.completed_on, new.valid_until, now)
    account = await storage.find_account(tx, new.account_id, agency.id)
    domain.demand_enabled(account)
    certificate = Certificate(
        id=ids.new(),
        agency_id=agency.id,
        account_id=account.id,
        course=new.course,
        version=new.version,
        completed_on=new.completed_on,
        valid_until=new.valid_until,
        proof_sha256=new.proof_sha256,
        certified_by=by.subject,
        certified_at=now,
    )
    await storage.add_certificate(tx, certificate)
    tx.emit(here.recorder.administration(by, Action.TRAINING_CERTIFY, "account", account.id, place))
    return certificate
