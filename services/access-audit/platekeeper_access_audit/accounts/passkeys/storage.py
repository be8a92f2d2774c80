"""Passkeys, and the challenges that wait for an answer."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table, delete, func, select, update

from platekeeper_access_audit.accounts.passkeys.domain import Challenge, Passkey
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.schema import Moment, by_column

passkey = Table(
    "passkey",
    tables,
    Column("id", String, primary_key=True, comment="the credential's id, base64url"),
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("public_key", LargeBinary, nullable=False, comment="COSE"),
    Column("sign_count", BigInteger, nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("used_at", Moment, nullable=True),
)
passkey_challenge = Table(
    "passkey_challenge",
    tables,
    Column("id", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("account_id", String, nullable=True, comment="nobody's at login"),
    Column("secret", LargeBinary, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)


async def add(tx: Tx, new: Passkey) -> None:
    """Keep a passkey. Raises IntegrityError when its id is taken."""
    await tx.write(passkey.insert().values(**asdict(new)))


async def find(tx: Tx, passkey_id: str) -> Passkey | None:
    """The passkey with that id."""
    row = await tx.row(select(passkey).where(passkey.c.id == passkey_id))
    return None if row is None else Passkey(**by_column(row))


async def of_account(tx: Tx, account_id: str) -> list[Passkey]:
    """The account's passkeys, the oldest first."""
    own = select(passkey).where(passkey.c.account_id == account_id)
    rows = await tx.rows(own.order_by(passkey.c.registered_at, passkey.c.id))
    return [Passkey(**by_column(row)) for row in rows]


async def used(tx: Tx, passkey_id: str, sign_count: int, at: datetime) -> None:
    """The passkey has signed somebody on."""
    await tx.write(update(passkey).where(passkey.c.id == passkey_id).values(sign_count=sign_count, used_at=at))


async def remove(tx: Tx, account_id: str, passkey_id: str) -> bool:
    """Forget one passkey of the account; whether it was there."""
    own = (passkey.c.id == passkey_id) & (passkey.c.account_id == account_id)
    return await tx.write(delete(passkey).where(own)) == 1


async def remove_all(tx: Tx, account_id: str) -> None:
    """Forget the account's passkeys."""
    await tx.write(delete(passkey).where(passkey.c.account_id == account_id))


async def add_challenge(tx: Tx, new: Challenge) -> None:
    """Keep a challenge."""
    await tx.write(passkey_challenge.insert().values(**asdict(new)))


async def take_challenge(tx: Tx, challenge_id: str) -> Challenge | None:
    """The challenge, which from then on is none: of many who take it at once one gets it."""
    own = delete(passkey_challenge).where(passkey_challenge.c.id == challenge_id).returning(passkey_challenge)
    rows = await tx.write_returning(own)
    return Challenge(**by_column(rows[0])) if rows else None


async def prune_challenges(tx: Tx, now: datetime) -> int:
    """Drop those that have ended; how many are left."""
    await tx.write(delete(passkey_challenge).where(passkey_challenge.c.expires_at <= now))
    return await tx.number(select(func.count()).select_from(passkey_challenge))
