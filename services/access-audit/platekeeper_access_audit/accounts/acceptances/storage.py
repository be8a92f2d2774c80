"""Who has accepted which version of the agency's policy."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Integer, String, Table, select

from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.events.public import PolicyPublished
from platekeeper_common.schema import Moment

policy_acceptance = Table(
    "policy_acceptance",
    tables,
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("accepted_at", Moment, nullable=False),
)


async def accepted(tx: Tx, account_id: str, sha256: str) -> bool:
    """Whether the account's person has accepted this version."""
    own = (policy_acceptance.c.account_id == account_id) & (policy_acceptance.c.sha256 == sha256)
    return await tx.row(select(policy_acceptance.c.version).where(own)) is not None


async def add(tx: Tx, account_id: str, policy: PolicyPublished, at: datetime) -> None:
    """Keep it."""
    values = {"account_id": account_id, "sha256": policy.sha256, "version": policy.version, "accepted_at": at}
    await tx.write(policy_acceptance.insert().values(values))
