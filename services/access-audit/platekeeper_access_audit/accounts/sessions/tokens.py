"""A session's token: who it says is calling, and until when."""

from dataclasses import dataclass, replace

from platekeeper_access_audit.accounts import storage as accounts
from platekeeper_access_audit.accounts.agencies import profile_of, strictest_sessions
from platekeeper_access_audit.accounts.approvals import admission
from platekeeper_access_audit.accounts.domain import Account, demand_enabled, demand_open, demand_valid
from platekeeper_access_audit.accounts.matters import handlers as matters
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.policy import SessionsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import domain
from platekeeper_access_audit.accounts.sessions.domain import Session
from platekeeper_common import auth
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.ids import PLATFORM, PLATFORM_NAME, AgencyId


@dataclass(frozen=True, slots=True)
class Begun:
    """A session, who its token says is calling, and the refresh token that carries it on; shown once."""

    session: Session
    caller: Caller
    refresh_token: str
    device_token: str | None = None
    """By which this device is known at the person's next login; None: it is known already, or a terminal."""


async def caller_of(tx: Tx, here: AccountsRoom, session: Session, account: Account | None = None) -> Caller:
    """Who a token of the session says is calling, if it is issued now.

    Roles, name and title are the account's today; training and approval are those of the sign-on; the matter is the
    last one chosen, run out or not: services say which.

    Raises Conflict `account_disabled` or `agency_closed`, Refused `account_expired`.
    """
    now = here.clock()
    account = account or await accounts.find_account(tx, session.account_id, session.agency_id)
    demand_enabled(account)
    demand_valid(account, now)
    agency = None if account.agency_id == PLATFORM else await accounts.find_agency(tx, account.agency_id)
    if agency is not None:
        demand_open(agency)
    policy = await policy_for(tx, here, account.agency_id)
    return replace(
        await known(tx, here, account),
        expires_at=domain.token_ends(session, policy, now),
        session=session.id,
        signed_on_at=session.began_at,
        training_until=session.training_until,
        approved_until=session.approved_until,
        methods=session.methods,
        second_factor_owed=domain.wants_second_factor(policy, agency) and not domain.strong(session.methods),
        terminal=session.terminal,
        locked=domain.locked(session, policy, now),
        offices=await incumbents.offices_of(tx, here, account.agency_id, account.id),
        matter=await matters.current(tx, session.id),
    )


async def known(tx: Tx, here: AccountsRoom, account: Account) -> Caller:
    """The account's person, signed on or not, for records; a token that says only this has ended already."""
    agency = None if account.agency_id == PLATFORM else await accounts.find_agency(tx, account.agency_id)
    now = here.clock()
    return Caller(
        kind="person",
        subject=account.id,
        agency_id=account.agency_id,
        username=account.username,
        name=account.name,
        organisation=agency.name if agency else PLATFORM_NAME,
        issued_at=now,
        expires_at=now,
        roles=await admission.roles(tx, here, account),
        title=account.title,
    )


async def policy_for(tx: Tx, here: AccountsRoom, agency_id: AgencyId) -> SessionsPolicy:
    """The agency's rules of sessions; for the platform's own people the strictest of the installed profiles'."""
    if agency_id == PLATFORM:
        return strictest_sessions(here)
    return profile_of(here, await accounts.find_agency(tx, agency_id)).section(SessionsPolicy)


async def issue(here: AccountsRoom, caller: Caller) -> str:
    """A token that says `caller`, signed with the current key."""
    settings = here.foundation.settings
    return auth.issue(caller, await here.signing.current(), issuer=settings.issuer, audience=settings.audience)
