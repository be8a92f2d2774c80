"""The table of hands that lay on accounts; nothing is ever changed in it."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, select

from platekeeper_access_audit.accounts.hands.domain import Hand
from platekeeper_access_audit.accounts.storage import tables
from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId
from platekeeper_common.schema import Moment, by_column

account_hand = Table(
    "account_hand",
    tables,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False, index=True, comment="of the account"),
    Column("account_id", String, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("by", String, nullable=False, comment="account"),
    Column("act", String, nullable=False),
    Column("at", Moment, nullable=False),
)


async def add(tx: Tx, hand_id: str, agency_id: AgencyId, new: Hand) -> None:
    """Keep it."""
    await tx.write(account_hand.insert().values(id=hand_id, agency_id=agency_id, **asdict(new)))


async def since(tx: Tx, agency_id: AgencyId, at: datetime) -> list[Hand]:
    """Those on the agency's accounts after that moment."""
    own = (account_hand.c.agency_id == agency_id) & (account_hand.c.at > at)
    columns = (account_hand.c.account_id, account_hand.c.by, account_hand.c.act, account_hand.c.at)
    return [Hand(**by_column(row)) for row in await tx.rows(select(*columns).where(own))]
