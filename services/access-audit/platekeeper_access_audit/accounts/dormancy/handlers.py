"""Disabling accounts that nobody signs on with (G2), and dated ones whose time is over."""

from datetime import datetime, timedelta

from platekeeper_access_audit.accounts import storage
from platekeeper_access_audit.accounts.domain import DORMANT, EXPIRED, Account, dormant
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_access_audit.accounts.sessions import storage as kept
from platekeeper_access_audit.accounts.sessions.tokens import policy_for
from platekeeper_common.actions import Action
from platekeeper_common.db import Tx

KEPT_AFTER_END = timedelta(days=30)
"""How long a session that is over stays in the table."""


async def close_unused(here: AccountsRoom) -> int:
    """Disable what is unused or over, each with its record; how many. Safe to run twice.

    The platform's own administrators are left out: nobody could let the last one in again.
    """
    now = here.clock()
    async with here.db.tx() as tx:
        await tx.lock()
        due: list[tuple[Account, str]] = []
        for agency in await storage.agencies(tx):
            if agency.mode != "closed" and here.foundation.policies.named(agency.profile) is not None:
                after = (await policy_for(tx, here, agency.id)).dormant_after
                judged = [(one, _unused(one, after, now)) for one in await storage.accounts(tx, agency.id)]
                due += [(account, why) for account, why in judged if why is not None]
        for account, why in due:
            await _close(tx, here, account, why, now)
        await kept.prune(tx, now, KEPT_AFTER_END)
    return len(due)


def _unused(account: Account, after: timedelta, now: datetime) -> str | None:
    if account.disabled_at is not None:
        return None
    if account.valid_until is not None and now >= account.valid_until:
        return EXPIRED
    return DORMANT if dormant(account, after, now) else None


async def _close(tx: Tx, here: AccountsRoom, account: Account, why: str, now: datetime) -> None:
    await storage.change_account(tx, account.id, disabled_at=now, disabled_because=why)
    await storage.end_terms_of(tx, account.id, now)
    await sessions.end_all(tx, here, account.id, account.agency_id, why)
    tx.emit(here.recorder.by_itself(account.agency_id, Action.ACCOUNT_DISABLE, "account", account.id))
