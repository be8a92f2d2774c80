"""The outbox: events that a transaction emitted, kept in the service's own database until the bus has them.

`relay.py` sends what is here and deletes what it sent.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.schema import Moment, RowId, shared

outbox = Table(
    "outbox",
    shared,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("type", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("access_record", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
)
access_number = Table(
    "access_number",
    shared,
    Column("id", Integer, primary_key=True, comment="always 1"),
    Column("last", BigInteger, nullable=False, comment="the last number that an access record of this database got"),
)


async def add(connection: AsyncConnection, events: Sequence[Event], *, at: datetime) -> None:
    """Put the events in, within the connection's transaction."""
    rows = [
        {
            "type": event.type,
            "data": msgspec.json.encode(event),
            "access_record": isinstance(event, AccessRecorded),
            "created_at": at,
        }
        for event in events
    ]
    await connection.execute(outbox.insert(), rows)


async def take_numbers(connection: AsyncConnection, count: int) -> int:
    """Take the next `count` numbers for access records, gapless because they are taken with the commit; the last."""
    taken = update(access_number).values(last=access_number.c.last + count).returning(access_number.c.last)
    return int((await connection.execute(taken)).scalar_one())
