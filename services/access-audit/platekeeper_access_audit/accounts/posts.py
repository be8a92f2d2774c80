"""Posts and training: who holds which office of the programme, and whom the training owner has certified."""

from dataclasses import dataclass
from datetime import date, datetime

from platekeeper_access_audit.accounts import domain, storage
from platekeeper_access_audit.accounts.agencies import policy_of
from platekeeper_access_audit.accounts.domain import Certificate
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.storage import Term
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.auth import Caller
from platekeeper_common.authorization import Action
from platekeeper_common.db import Tx
from platekeeper_common.policy import Agency


@dataclass(frozen=True, slots=True)
class Post:
    """A post of an agency: its title, and who holds it (None: vacant since then, or ever)."""

    code: str
    title: str
    holder: Term | None
    vacant_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCertificate:
    """What the training owner certifies."""

    account_id: str
    course: str
    version: str
    completed_on: date
    valid_until: datetime
    proof_sha256: str


async def listed(tx: Tx, here: AccountsRoom, asked: str | None, *, by: Caller, place: Place) -> list[Post]:
    """The posts that the agency's policy names, and who holds them."""
    agency = await storage.find_agency(tx, domain.agency_for(by, asked, Action.POST_VIEW))
    tx.emit(here.recorder.administration(by, Action.POST_VIEW, "posts", agency.id, place))
    return await _posts(tx, here, agency)


async def fill(
    tx: Tx, here: AccountsRoom, post: str, account_id: str | None, asked: str | None, *, by: Caller, place: Place
) -> Post:
    """The account holds the post from now on, its last holder does not; None leaves it vacant (B3)."""
    await tx.lock()
    agency = await storage.find_agency(tx, domain.agency_for(by, asked, Action.POST_FILL))
    domain.demand_open(agency)
    domain.demand_post(domain.posts(policy_of(here, agency)), post)
    holder = (await storage.holders(tx, agency.id)).get(post)
    domain.demand_filler(by, post, held=holder is not None)
    if account_id is not None:
        domain.demand_enabled(await storage.find_account(tx, account_id, agency.id))
    if holder is None or holder.account_id != account_id:
        await storage.end_term(tx, agency.id, post, here.clock())
        if account_id is not None:
            await storage.add_term(tx, ids.new(), agency.id, post, account_id, here.clock())
    tx.emit(here.recorder.administration(by, Action.POST_FILL, "post", f"{agency.id}/{post}", place))
    return next(one for one in await _posts(tx, here, agency) if one.code == post)


async def certify(tx: Tx, here: AccountsRoom, new: NewCertificate, *, by: Caller, place: Place) -> Certificate:
    """Certify training; only the holder of the certifying post does, and never the own (C3).

    Raises Refused `self_certification` or `not_training_owner`, NotFound, Conflict, Invalid.
    """
    now = here.clock()
    await tx.lock()
    agency = await storage.find_agency(tx, by.agency_id)
    policy = policy_of(here, agency)
    holder = (await storage.holders(tx, agency.id)).get(domain.certifying_post(policy))
    domain.demand_certifier(by, holder.account_id if holder else None, policy, new.account_id)
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


async def _posts(tx: Tx, here: AccountsRoom, agency: Agency) -> list[Post]:
    held, left = await storage.holders(tx, agency.id), await storage.vacant_since(tx, agency.id)
    return [
        Post(code, title, held.get(code), None if code in held else left.get(code))
        for code, title in domain.posts(policy_of(here, agency)).items()
    ]
