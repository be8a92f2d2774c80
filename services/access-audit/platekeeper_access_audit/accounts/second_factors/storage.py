"""Recovery codes, as the SHA-256 of high-entropy random words."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, column, delete, select, table, update

from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.schema import Moment

recovery_code = Table(
    "recovery_code",
    tables,
    Column("sha256", String, primary_key=True),
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("used_at", Moment, nullable=True),
)
_passkey = table("passkey", column("account_id"))
"""Of the passkeys' room, which stands on this one."""


async def replace(tx: Tx, account_id: str, digests: Sequence[str]) -> None:
    """These are the account's codes, and no others."""
    await tx.write(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    if digests:
        rows = [{"sha256": digest, "account_id": account_id} for digest in digests]
        await tx.write(recovery_code.insert(), rows)


async def spend(tx: Tx, account_id: str, digest: str, at: datetime) -> bool:
    """Whether it is a code of the account that was not used before; now it was."""
    own = (recovery_code.c.sha256 == digest) & (recovery_code.c.account_id == account_id)
    return await tx.write(update(recovery_code).where(own & recovery_code.c.used_at.is_(None)).values(used_at=at)) > 0


async def has_passkey(tx: Tx, account_id: str) -> bool:
    """Whether the account can sign on with a passkey."""
    found = select(_passkey.c.account_id).where(_passkey.c.account_id == account_id).limit(1)
    return await tx.row(found) is not None
