"""Registering terminals, retiring them, and knowing one at login. One transaction each."""

import hmac
import secrets

from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.sessions import handlers as sessions
from platekeeper_access_audit.accounts.sessions import storage as kept
from platekeeper_access_audit.accounts.sessions.domain import digest
from platekeeper_access_audit.accounts.terminals import storage
from platekeeper_access_audit.accounts.terminals.domain import Presented, RegisteredTerminal, Seat, terminal_unknown
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller, Terminal, TerminalKind
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, NotFound
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import AgencyId

SECRET_BYTES = 32


async def register(
    tx: Tx,
    here: AccountsRoom,
    name: str,
    kind: TerminalKind,
    position: Position | None,
    *,
    by: Caller,
    place: Place,
) -> tuple[RegisteredTerminal, str]:
    """A new workstation of the caller's agency, and its secret, kept as SHA-256 and shown once."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    new = RegisteredTerminal(
        id=ids.new(),
        agency_id=by.agency_id,
        name=name,
        kind=kind,
        secret_sha256=digest(secret),
        registered_at=here.clock(),
        latitude=position.latitude if position else None,
        longitude=position.longitude if position else None,
    )
    await storage.add(tx, new)
    tx.emit(here.recorder.administration(by, Action.TERMINAL_REGISTER, "terminal", new.id, place))
    return new, secret


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[RegisteredTerminal]:
    """The agency's workstations, retired ones too."""
    tx.emit(here.recorder.administration(by, Action.TERMINAL_VIEW, "terminals", by.agency_id, place))
    return await storage.listed(tx, by.agency_id)


async def retire(tx: Tx, here: AccountsRoom, terminal_id: str, *, by: Caller, place: Place) -> None:
    """Nobody signs on there any more, and the sessions there end. Raises NotFound, Conflict `terminal_retired`."""
    await tx.lock()
    known = await storage.find(tx, terminal_id, by.agency_id)
    if known is None:
        raise NotFound("no such terminal", code="terminal_unknown")
    if known.retired_at is not None:
        raise Conflict("the terminal is retired", code="terminal_retired")
    await storage.retire(tx, terminal_id, here.clock())
    for session in await kept.running_at(tx, terminal_id, here.clock()):
        await sessions.end_sessions(tx, here, [session], "terminal_retired")
    tx.emit(here.recorder.administration(by, Action.TERMINAL_RETIRE, "terminal", terminal_id, place))


async def seat(tx: Tx, agency_id: AgencyId, shown: Presented | None) -> Seat | None:
    """The terminal of the agency that is shown, None when none is. Raises Unauthenticated `terminal_unknown`."""
    if shown is None:
        return None
    known = await storage.find(tx, shown.id, agency_id)
    right = known is not None and hmac.compare_digest(digest(shown.secret), known.secret_sha256)
    if known is None or not right or known.retired_at is not None:
        raise terminal_unknown()
    moves = known.kind in ("car", "phone")
    return Seat(Terminal(known.id, known.kind), shown.position if moves else known.position)
