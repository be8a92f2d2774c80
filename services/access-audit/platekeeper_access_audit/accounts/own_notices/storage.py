"""Known devices and notices."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, delete, select, update

from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common import ids
from platekeeper_common.db import Tx
from platekeeper_common.schema import Moment

MOST_DEVICES = 20
"""Of an account; the one that was not used for longest is forgotten first."""
MOST_NOTICES = 100

known_device = Table(
    "known_device",
    tables,
    Column("sha256", String, primary_key=True),
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("used_at", Moment, nullable=False),
)
notice = Table(
    "notice",
    tables,
    Column("id", String, primary_key=True),
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("address", String, nullable=True),
    Column("terminal_id", String, nullable=True),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know of the own account."""

    id: str
    at: datetime
    kind: str
    address: str | None
    terminal_id: str | None


async def use_device(tx: Tx, account_id: str, sha256: str, at: datetime) -> bool:
    """Whether the account is known to be used from that device; it was used now."""
    own = (known_device.c.sha256 == sha256) & (known_device.c.account_id == account_id)
    return await tx.write(update(known_device).where(own).values(used_at=at)) > 0


async def add_device(tx: Tx, account_id: str, sha256: str, at: datetime) -> None:
    """Know the device from now on."""
    await tx.write(known_device.insert().values(sha256=sha256, account_id=account_id, used_at=at))
    own = select(known_device.c.sha256).where(known_device.c.account_id == account_id)
    rows = await tx.rows(own.order_by(known_device.c.used_at.desc(), known_device.c.sha256))
    if oldest := [row.sha256 for row in rows[MOST_DEVICES:] if row.sha256 != sha256]:
        await tx.write(delete(known_device).where(known_device.c.sha256.in_(oldest)))


async def forget_devices(tx: Tx, account_id: str) -> None:
    """No device of the account is known any more."""
    await tx.write(delete(known_device).where(known_device.c.account_id == account_id))


async def add_notice(
    tx: Tx, account_id: str, kind: str, at: datetime, *, address: str | None, terminal_id: str | None
) -> str:
    """Keep a notice; its id."""
    row = {"id": ids.new(), "account_id": account_id, "at": at, "kind": kind}
    await tx.write(notice.insert().values(**row, address=address, terminal_id=terminal_id))
    return str(row["id"])


async def notices(tx: Tx, account_id: str) -> list[Notice]:
    """The account's latest notices, newest first."""
    columns = (notice.c.id, notice.c.at, notice.c.kind, notice.c.address, notice.c.terminal_id)
    own = select(*columns).where(notice.c.account_id == account_id)
    rows = await tx.rows(own.order_by(notice.c.at.desc(), notice.c.id.desc()).limit(MOST_NOTICES))
    return [Notice(row.id, row.at, row.kind, row.address, row.terminal_id) for row in rows]
