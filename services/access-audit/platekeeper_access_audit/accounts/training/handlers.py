"""Certifying training, and until when somebody is trained (clauses C1 to C3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from platekeeper_access_audit.accounts import domain as accounts
from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import policy_of, profile_of
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.policy import TrainingPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.training import catalogue, domain, storage
from platekeeper_access_audit.accounts.training.domain import Certificate
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.policies import Agency


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCertificate:
    """What the training owner certifies."""

    account_id: str
    course: str
    version: str
    completed_on: date
    valid_until: datetime | None
    """None: as long as the course says."""
    proof_sha256: str


async def certify(tx: Tx, here: AccountsRoom, new: NewCertificate, *, by: Caller, place: Place) -> Certificate:
    """Certify training; only the holder of the certifying post does, and never the own (C3).

    Raises Refused `self_certification` or `not_training_owner`, NotFound `account_unknown` or `course_unknown`,
    Conflict `course_version_not_accepted`, Invalid.
    """
    now = here.clock()
    await tx.lock()
    agency = await people.find_agency(tx, by.agency_id)
    policy = policy_of(here, agency)
    domain.demand_not_own(by, new.account_id)
    owners = await incumbents.who_may(tx, here, agency, domain.certifying_post(policy), Action.TRAINING_CERTIFY)
    quality = domain.demand_training_owner(policy, by, owners, clause="C3")
    version = domain.demand_accepted(await catalogue.of(tx, here, agency), new.course, new.version, now)
    until = domain.valid_until(version, new.completed_on, new.valid_until, now)
    account = await people.find_account(tx, new.account_id, agency.id)
    accounts.demand_enabled(account)
    certificate = Certificate(
        id=ids.new(),
        agency_id=agency.id,
        account_id=account.id,
        course=new.course,
        version=new.version,
        completed_on=new.completed_on,
        valid_until=until,
        proof_sha256=new.proof_sha256,
        certified_by=by.subject,
        certified_at=now,
    )
    await storage.add(tx, certificate)
    by = by.acting_for(quality.office)
    tx.emit(here.recorder.administration(by, Action.TRAINING_CERTIFY, "account", account.id, place))
    return certificate


async def trained_until(
    tx: Tx, here: AccountsRoom, agency: Agency, account_id: str, courses: Collection[str]
) -> datetime | None:
    """Until when the person is trained in all of these; None when one was never completed (C2)."""
    known, own = await catalogue.of(tx, here, agency), await storage.of_account(tx, account_id)
    soon = expiring_within(here, agency)
    return domain.trained_until([domain.completion(one, own, known, here.clock(), soon=soon) for one in courses])


def expiring_within(here: AccountsRoom, agency: Agency) -> timedelta:
    """How long before its end a completion is said to expire: as the first notice is given."""
    return max(profile_of(here, agency).section(TrainingPolicy).expiry_notices)
