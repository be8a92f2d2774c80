"""What a person may from a sign-on until the next (clauses A8, B5, C2)."""

from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import profile_of
from platekeeper_access_audit.accounts.approvals import domain, storage
from platekeeper_access_audit.accounts.approvals.domain import Admission
from platekeeper_access_audit.accounts.domain import Account
from platekeeper_access_audit.accounts.policy import ApprovalsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.titles import handlers as register
from platekeeper_access_audit.accounts.titles.domain import RegisteredTitle
from platekeeper_access_audit.accounts.training import handlers as training
from platekeeper_common.db import Tx
from platekeeper_common.ids import PLATFORM


async def at_sign_on(tx: Tx, here: AccountsRoom, account: Account) -> Admission:
    """Until when training and approval open plate data, as they are on file now.

    A title that is not in the register opens none, nor a contractor's without an end; its holder can still be given
    another title, or an end (B5).
    """
    title = await _title(tx, here, account)
    if title is None or (title.kind == "contractor" and account.valid_until is None):
        return Admission()
    agency = await people.find_agency(tx, account.agency_id)
    policy = profile_of(here, agency).section(ApprovalsPolicy)
    return Admission(
        training_until=await training.trained_until(tx, here, agency, account.id, title.courses),
        approved_until=domain.holds_until(await storage.of_account(tx, account.id), account, policy),
    )


async def roles(tx: Tx, here: AccountsRoom, account: Account) -> frozenset[str]:
    """The account's roles, those that its title allows today (B5)."""
    title = await _title(tx, here, account)
    own = frozenset(account.roles)
    return own if title is None else own & frozenset(title.roles)


async def _title(tx: Tx, here: AccountsRoom, account: Account) -> RegisteredTitle | None:
    if account.agency_id == PLATFORM:
        return None
    agency = await people.find_agency(tx, account.agency_id)
    return (await register.register(tx, here, agency)).get(account.title)
