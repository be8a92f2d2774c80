"""Sessions and the refresh tokens that are spent."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Row, String, Table, delete, select, update

from platekeeper_access_audit.accounts.sessions.domain import Session
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.caller import Terminal
from platekeeper_common.db import Tx
from platekeeper_common.events.ingest import Position
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

session = Table(
    "session",
    tables,
    Column("id", String, primary_key=True),
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("agency_id", String, nullable=False, index=True),
    Column("began_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("acted_at", Moment, nullable=False),
    Column("methods", JSON, nullable=False),
    Column("refresh_sha256", String, nullable=False, unique=True),
    Column("cookie", Boolean, nullable=False),
    Column("training_until", Moment, nullable=True),
    Column("approved_until", Moment, nullable=True),
    Column("terminal_id", String, nullable=True, index=True),
    Column("terminal_kind", String, nullable=True),
    Column("latitude", Float, nullable=True),
    Column("longitude", Float, nullable=True),
    Column("ended_at", Moment, nullable=True),
    Column("ended_because", String, nullable=True),
)
spent_refresh = Table(
    "spent_refresh",
    tables,
    Column("sha256", String, primary_key=True),
    Column("session_id", String, ForeignKey("session.id", ondelete="CASCADE"), nullable=False, index=True),
)


async def add(tx: Tx, new: Session) -> None:
    """Keep a new session."""
    row = asdict(new)
    terminal, position = row.pop("terminal"), row.pop("position")
    row |= {"latitude": position and position.latitude, "longitude": position and position.longitude}
    kept = {"terminal_id": terminal and terminal["id"], "terminal_kind": terminal and terminal["kind"]}
    await tx.write(session.insert().values(**row | kept))


async def hold(tx: Tx, session_id: str) -> Session | None:
    """The session, which nobody else changes until the commit."""
    rows = await tx.hold(select(session).where(session.c.id == session_id).with_for_update())
    return _session(rows[0]) if rows else None


async def by_refresh(tx: Tx, sha256: str) -> Session | None:
    """The session that the refresh token carries on."""
    row = await tx.row(select(session).where(session.c.refresh_sha256 == sha256))
    return _session(row) if row else None


async def hold_by_refresh(tx: Tx, sha256: str) -> Session | None:
    """The session that the refresh token carries on, which nobody else changes until the commit."""
    rows = await tx.hold(select(session).where(session.c.refresh_sha256 == sha256).with_for_update())
    return _session(rows[0]) if rows else None


async def hold_by_spent(tx: Tx, sha256: str) -> Session | None:
    """The session that the refresh token has carried on before."""
    row = await tx.row(select(spent_refresh.c.session_id).where(spent_refresh.c.sha256 == sha256))
    return await hold(tx, row.session_id) if row else None


async def rotate(tx: Tx, of: Session, sha256: str) -> None:
    """Another refresh token carries it on; the last is spent."""
    await tx.write(spent_refresh.insert().values(sha256=of.refresh_sha256, session_id=of.id))
    await change(tx, of.id, refresh_sha256=sha256)


async def change(tx: Tx, session_id: str, **values: Any) -> None:
    """Set columns of a session."""
    await tx.write(update(session).where(session.c.id == session_id).values(**values))


async def running(tx: Tx, account_id: str, now: datetime) -> list[Session]:
    """The account's sessions that have not ended."""
    own = (session.c.account_id == account_id) & _running(now)
    return [_session(row) for row in await tx.rows(select(session).where(own))]


async def running_at(tx: Tx, terminal_id: str, now: datetime) -> list[Session]:
    """The sessions at the terminal that have not ended."""
    own = (session.c.terminal_id == terminal_id) & _running(now)
    return [_session(row) for row in await tx.rows(select(session).where(own))]


async def end(tx: Tx, ended: Session, because: str, at: datetime) -> None:
    """The session is over."""
    await change(tx, ended.id, ended_at=at, ended_because=because)


async def end_of_agency(tx: Tx, agency_id: AgencyId, because: str, at: datetime) -> None:
    """All of the agency's sessions are over."""
    own = (session.c.agency_id == agency_id) & session.c.ended_at.is_(None)
    await tx.write(update(session).where(own).values(ended_at=at, ended_because=because))


async def ended_since(tx: Tx, account_id: str, since: datetime) -> list[str]:
    """The account's sessions that were ended since then."""
    own = (session.c.account_id == account_id) & (session.c.ended_at >= since)
    return [row.id for row in await tx.rows(select(session.c.id).where(own).order_by(session.c.id))]


async def act(tx: Tx, acted: Mapping[str, datetime]) -> None:
    """Somebody acted in these sessions; a moment before the last known act changes nothing."""
    for session_id, at in sorted(acted.items()):
        own = (session.c.id == session_id) & (session.c.acted_at < at)
        await tx.write(update(session).where(own).values(acted_at=at))


async def prune(tx: Tx, now: datetime, after: timedelta) -> None:
    """Drop sessions that ended, or ran out, so long ago."""
    await tx.write(delete(session).where(session.c.until < now - after))


def _running(now: datetime) -> Any:
    return session.c.ended_at.is_(None) & (session.c.until > now)


def _session(row: Row[Any]) -> Session:
    fields = dict(by_column(row))
    terminal_id, kind = fields.pop("terminal_id"), fields.pop("terminal_kind")
    fields["terminal"] = Terminal(terminal_id, kind) if terminal_id else None
    latitude, longitude = fields.pop("latitude"), fields.pop("longitude")
    fields["position"] = Position(latitude, longitude) if latitude is not None and longitude is not None else None
    fields["methods"] = tuple(fields["methods"])
    return Session(**fields)
