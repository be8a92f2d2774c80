"""Sessions are carried on by refresh tokens, lock, open again and end. One transaction each."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from platekeeper_access_audit.accounts import storage as accounts
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import domain, storage
from platekeeper_access_audit.accounts.sessions.domain import Session, digest
from platekeeper_access_audit.accounts.sessions.tokens import Begun, caller_of, policy_for
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.auth import TOKEN_LIFE
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.edge import commit_or_refuse
from platekeeper_common.errors import PlatekeeperError, Unauthenticated
from platekeeper_common.events.access import AccessRecorded, AccessRevoked
from platekeeper_common.ids import AgencyId
from platekeeper_common.rules import RECEIVE_ONLY

POLL_SECONDS = 0.1


async def strengthen(tx: Tx, by: Caller, methods: Sequence[str]) -> None:
    """The person has shown more in the running session: its next token says so."""
    session = await storage.hold(tx, by.session or "")
    if session is not None and session.account_id == by.subject:
        await storage.change(tx, session.id, methods=[*dict.fromkeys((*session.methods, *methods))])


async def demand_strong(tx: Tx, by: Caller) -> None:
    """Raise Unauthenticated `second_factor_owed` unless a second factor was shown in the running session (G2)."""
    session = await storage.hold(tx, by.session or "")
    if session is None or session.account_id != by.subject or not domain.strong(session.methods):
        raise domain.second_factor_owed()


async def held(tx: Tx, here: AccountsRoom, by: Caller) -> Session:
    """The caller's session, running and unlocked, which nobody else changes until the commit.

    Raises Unauthenticated `session_ended` or `session_locked`.
    """
    session = await storage.hold(tx, by.session or "")
    if session is None or session.account_id != by.subject:
        raise Unauthenticated("the token belongs to no session", code="session_ended", clause="G2")
    now = here.clock()
    domain.demand_running(session, now)
    if domain.locked(session, await policy_for(tx, here, session.agency_id), now):
        raise domain.session_locked()
    return session


async def refresh(here: AccountsRoom, token: str | None, place: Place) -> Begun:
    """A new token and a new refresh token of the session that `token` carries on.

    Raises Unauthenticated `refresh_unknown`, `refresh_reused` (a spent one: the session is ended, for somebody else has
    it too), `session_ended`, `session_locked`; what `caller_of` raises.
    """
    await _await_last_act(here, token)
    async with here.db.tx() as tx:
        session = await carried_on(tx, here, token, place)
        now = here.clock()
        locked = domain.locked(session, await policy_for(tx, here, session.agency_id), now)
        if locked and not domain.receives_hits(session):
            account = await accounts.find_account(tx, session.account_id, session.agency_id)
            raise domain.session_locked(name=account.name, username=account.username)
        return await carry_on(tx, here, session)


async def carry_on(tx: Tx, here: AccountsRoom, session: Session) -> Begun:
    """The held session under a new refresh token in `tx`; the one before is spent."""
    fresh = domain.new_refresh_token()
    await storage.rotate(tx, session, digest(fresh))
    return Begun(session, await caller_of(tx, here, session), fresh)


async def unlock(tx: Tx, here: AccountsRoom, session: Session, place: Place) -> Begun:
    """Open the held session of a person who has just shown to be the account's; its record in `tx` (G2)."""
    now = here.clock()
    await storage.change(tx, session.id, acted_at=now)
    begun = await carry_on(tx, here, replace(session, acted_at=now))
    tx.emit(here.recorder.administration(begun.caller, Action.SESSION_UNLOCK, "session", session.id, place))
    return begun


async def hear_of_acts(tx: Tx, records: Sequence[AccessRecorded]) -> None:
    """Remember when each session's person last acted. What only receives hits keeps nobody signed on (G2)."""
    acted: dict[str, datetime] = {}
    for record in records:
        if record.session and record.outcome == "allowed" and record.action not in RECEIVE_ONLY:
            acted[record.session] = max(record.at, acted.get(record.session, record.at))
    await storage.act(tx, acted)


async def end(here: AccountsRoom, token: str | None, place: Place) -> None:
    """End the session that `token` carries on; its tokens are worth nothing. Raises Unauthenticated as `refresh`."""
    async with here.db.tx() as tx:
        session = await carried_on(tx, here, token, place)
        caller = await caller_of(tx, here, session)
        await end_sessions(tx, here, [session], "signed_off")
        tx.emit(here.recorder.administration(caller, Action.SESSION_END, "session", session.id, place))
        await commit_or_refuse(tx)


async def end_sessions(tx: Tx, here: AccountsRoom, sessions: list[Session], because: str) -> None:
    """End these sessions of one account in `tx`: their tokens are worth nothing anywhere within seconds."""
    if not sessions:
        return
    now = here.clock()
    # One word tells of all that ended lately: whoever ends another at this moment must see these.
    await tx.lock(f"sessions/{sessions[0].account_id}")
    for session in sessions:
        await storage.end(tx, session, because, now)
    account_id, agency_id = sessions[0].account_id, sessions[0].agency_id
    ended = await storage.ended_since(tx, account_id, now - TOKEN_LIFE)
    tx.emit(AccessRevoked(agency_id=agency_id, before=now, subject=account_id, sessions=tuple(ended)))


async def end_all(tx: Tx, here: AccountsRoom, account_id: str, agency_id: AgencyId, because: str) -> None:
    """End every session of the account in `tx`: all its tokens are worth nothing anywhere within seconds."""
    now = here.clock()
    for session in await storage.running(tx, account_id, now):
        await storage.end(tx, session, because, now)
    # Only now: a token of a session that was being carried on while we waited for it is one of those too.
    tx.emit(AccessRevoked(agency_id=agency_id, before=here.clock(), subject=account_id))


async def carried_on(tx: Tx, here: AccountsRoom, token: str | None, place: Place) -> Session:
    """The running session that the refresh token carries on, held; one that was spent ends the session at once.

    Raises Unauthenticated `refresh_missing`, `refresh_unknown`, `refresh_reused`, `session_ended`.
    """
    if token is None:
        raise Unauthenticated("sign on first", code="refresh_missing", clause="G2")
    session = await storage.hold_by_refresh(tx, digest(token))
    if session is not None:
        domain.demand_running(session, here.clock())
        return session
    session = await storage.hold_by_spent(tx, digest(token))
    if session is None:
        raise Unauthenticated("no session is carried on by this token", code="refresh_unknown", clause="G2")
    detail = "the refresh token was used before: somebody else may have it; the session is ended, sign on again"
    error = Unauthenticated(detail, code="refresh_reused", clause="G2")
    if session.ended_at is None:
        caller = await caller_of(tx, here, session)
        await end_sessions(tx, here, [session], "refresh_reused")
        tx.emit(_refusal(here, caller, session, error, place))
        await commit_or_refuse(tx)
    raise error


async def _await_last_act(here: AccountsRoom, token: str | None) -> None:
    """Wait a little while the session has just become idle: word of its last act may still be on the bus."""
    loop = asyncio.get_running_loop()
    until = loop.time() + here.settings.acts_within
    while token is not None and loop.time() < until:
        async with here.db.tx() as tx:
            session = await storage.by_refresh(tx, digest(token))
            if session is None:
                return
            idle = here.clock() - session.acted_at - (await policy_for(tx, here, session.agency_id)).idle_lock
        if not timedelta() <= idle < TOKEN_LIFE:
            return
        await asyncio.sleep(POLL_SECONDS)


def _refusal(
    here: AccountsRoom, caller: Caller, session: Session, error: PlatekeeperError, place: Place
) -> AccessRecorded:
    outcome = {"outcome": "refused", "code": error.code, "clause": error.clause}
    return here.recorder.administration(caller, Action.SESSION_REFRESH, "session", session.id, place, **outcome)
