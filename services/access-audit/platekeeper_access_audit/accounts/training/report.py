"""Trained versus authorised: of every open account, what it may and what its person has completed (clause C3)."""

from dataclasses import dataclass
from datetime import datetime

from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import profile_of
from platekeeper_access_audit.accounts.approvals import handlers as approvals
from platekeeper_access_audit.accounts.approvals.domain import holds_until
from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.policy import ApprovalsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.titles import handlers as titles
from platekeeper_access_audit.accounts.training import catalogue, domain, storage
from platekeeper_access_audit.accounts.training.domain import Completion
from platekeeper_access_audit.accounts.training.handlers import expiring_within
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.policies import Agency


@dataclass(frozen=True, slots=True)
class Line:
    """A person: authorised, and trained."""

    account: Account
    title_authorised: bool
    approved_until: datetime | None
    training_until: datetime | None
    courses: tuple[Completion, ...]
    now: datetime

    @property
    def authorised(self) -> bool:
        """The title is in the register, and the approval holds."""
        return self.title_authorised and self.approved_until is not None and self.approved_until > self.now

    @property
    def trained(self) -> bool:
        """All that the title needs has been completed and counts."""
        return self.training_until is not None and self.training_until > self.now

    @property
    def expiring(self) -> bool:
        """Trained, and something ends soon."""
        return self.trained and any(one.standing == "expiring" for one in self.courses)


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Line]:
    """Every open account of the own agency."""
    agency = await people.find_agency(tx, by.agency_id)
    tx.emit(here.recorder.administration(by, Action.TRAINING_VIEW, "training_report", agency.id, place))
    return [line for line in await lines(tx, here, agency) if line.account.disabled_at is None]


async def lines(tx: Tx, here: AccountsRoom, agency: Agency) -> list[Line]:
    """Every account of the agency, by username, disabled ones too."""
    now, soon = here.clock(), expiring_within(here, agency)
    register, known = await titles.register(tx, here, agency), await catalogue.of(tx, here, agency)
    completed = await storage.of_agency(tx, agency.id)
    approved = {one.account.id: one.approval for one in await approvals.reviewed(tx, here, agency)}
    policy = profile_of(here, agency).section(ApprovalsPolicy)
    found = []
    for account in await people.accounts(tx, agency.id):
        title = register.get(account.title)
        own = completed.get(account.id, [])
        courses = tuple(
            domain.completion(course, own, known, now, soon=soon) for course in (title.courses if title else ())
        )
        until = holds_until(approved.get(account.id), account, policy)
        found.append(Line(account, title is not None, until, domain.trained_until(courses), courses, now))
    return found
