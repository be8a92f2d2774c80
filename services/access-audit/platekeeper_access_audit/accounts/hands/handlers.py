"""Remembering whose hands lay on an account, and demanding two persons who stand apart."""

from platekeeper_access_audit.accounts import agencies
from platekeeper_access_audit.accounts.hands import domain as rules
from platekeeper_access_audit.accounts.hands import storage as kept
from platekeeper_access_audit.accounts.hands.domain import Act, Hand
from platekeeper_access_audit.accounts.policy import PostsPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import ids
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency


async def laid(tx: Tx, here: AccountsRoom, account_id: str, agency_id: AgencyId, act: Act, *, by: Caller) -> None:
    """The caller opened, reset or chose the account just now."""
    await kept.add(tx, ids.new(), agency_id, Hand(account_id, by.subject, act, here.clock()))


async def demand_apart(tx: Tx, here: AccountsRoom, agency: Agency, one: str, other: str, clause: str) -> None:
    """Raise Conflict `second_person_beholden` unless the two are two persons by `second_person_after` (A3, B2)."""
    apart = agencies.profile_of(here, agency).section(PostsPolicy).second_person_after
    found = await kept.since(tx, agency.id, here.clock() - apart)
    rules.demand_apart(one, other, found, apart, clause)
