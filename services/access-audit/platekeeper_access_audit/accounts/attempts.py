"""Login attempts without success, by username: what the lock is judged by.

Usernames that nobody has are counted too, so that the lock does not tell which ones exist.
"""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, String, Table, delete, select, update

from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.schema import Moment

login_attempt = Table(
    "login_attempt",
    tables,
    Column("id", String, primary_key=True),
    Column("username_digest", String, nullable=False, comment="keyed: people type passwords into the wrong field"),
    Column("at", Moment, nullable=False, index=True),
    Column("account_id", String, nullable=True, comment="known once it has failed at an account"),
    Column("failed", Boolean, nullable=False),
    Index("login_attempt_by_username", "username_digest", "at"),
)


async def times(tx: Tx, digest: str, after: datetime) -> list[datetime]:
    """When the username was tried without success."""
    tried = (login_attempt.c.username_digest == digest) & (login_attempt.c.at > after)
    return [row.at for row in await tx.rows(select(login_attempt.c.at).where(tried))]


async def add(tx: Tx, attempt_id: str, digest: str, at: datetime) -> None:
    """Count an attempt before its password is verified, so that many at once count too."""
    await tx.write(login_attempt.insert().values(id=attempt_id, username_digest=digest, at=at, failed=False))


async def fail(tx: Tx, attempt_id: str, account_id: str | None) -> None:
    """The attempt has failed, at that account if there is one."""
    own = login_attempt.c.id == attempt_id
    await tx.write(update(login_attempt).where(own).values(failed=True, account_id=account_id))


async def forget(tx: Tx, attempt_id: str) -> None:
    """The attempt was none at guessing."""
    await tx.write(delete(login_attempt).where(login_attempt.c.id == attempt_id))


async def forget_all(tx: Tx, digest: str) -> None:
    """The username has succeeded."""
    await tx.write(delete(login_attempt).where(login_attempt.c.username_digest == digest))


async def prune(tx: Tx, before: datetime) -> None:
    """Drop what no longer counts."""
    await tx.write(delete(login_attempt).where(login_attempt.c.at < before))


async def failures(tx: Tx, after: datetime) -> list[list[datetime]]:
    """When logins failed, a list per account."""
    failed = login_attempt.c.account_id.is_not(None) & (login_attempt.c.at > after)
    by_account: dict[str, list[datetime]] = {}
    for row in await tx.rows(select(login_attempt.c.account_id, login_attempt.c.at).where(failed)):
        by_account.setdefault(row.account_id, []).append(row.at)
    return list(by_account.values())
