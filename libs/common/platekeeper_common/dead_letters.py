"""Events that a service could not handle, kept in its own database with their original bytes until someone acts.

The bytes may hold plates: they stay no longer than on the bus (`forgetting.py`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    select,
)
from sqlalchemy.exc import IntegrityError

from platekeeper_common import ids
from platekeeper_common.bus.contract import DeadLetter, Record
from platekeeper_common.db import Database, Tx
from platekeeper_common.errors import Gone, NotFound
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.schema import Moment, shared

FOR_GOOD = (AccessRecorded.topic.name,)
"""Topics whose letters stay until someone acts: their plates are sealed, and the ledger keeps the same for years."""
dead_letter = Table(
    "dead_letter",
    shared,
    Column("id", String, primary_key=True),
    Column("consumer_group", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("reason", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("forgotten_at", Moment),
    UniqueConstraint("consumer_group", "topic", "partition", "offset"),
)


class DeadLetterBox:
    """The `DeadLetters` of the bus contract, in a service's database."""

    def __init__(self, db: Database) -> None:
        """Keep the letters in `db`."""
        self._db = db

    async def add(self, letter: DeadLetter) -> None:
        """Keep the letter durably; the same place on the bus twice is one letter. Raises Unavailable."""
        record = letter.record
        try:
            async with self._db.tx() as tx:
                await tx.write(
                    dead_letter.insert().values(
                        id=ids.new(),
                        consumer_group=letter.group,
                        topic=record.topic,
                        partition=record.partition,
                        offset=record.offset,
                        key=record.key,
                        value=record.value,
                        published_at=record.at,
                        reason=letter.reason,
                        attempts=letter.attempts,
                        at=letter.at,
                    )
                )
        except IntegrityError:
            return


async def find(tx: Tx, limit: int = 100) -> Sequence[Row[Any]]:
    """The newest letters first."""
    return await tx.rows(select(dead_letter).order_by(dead_letter.c.id.desc()).limit(limit))


async def by_group(tx: Tx) -> dict[str, int]:
    """How many letters each consumer group has."""
    group = dead_letter.c.consumer_group
    rows = await tx.rows(select(group, func.count().label("letters")).group_by(group))
    return {row.consumer_group: row.letters for row in rows}


async def get(tx: Tx, letter_id: str) -> Row[Any]:
    """One letter. Raises NotFound."""
    row = await tx.row(select(dead_letter).where(dead_letter.c.id == letter_id))
    if row is None:
        raise NotFound("no such dead letter", code="dead_letter_unknown")
    return row


def demand_content(row: Row[Any]) -> None:
    """Raise Gone `dead_letter_forgotten` when what the letter said has been destroyed."""
    if row.forgotten_at is not None:
        raise Gone(
            f"what it said was destroyed at {row.forgotten_at.isoformat()}, as the policy's [copies] bus says: it can"
            " only be discarded",
            code="dead_letter_forgotten",
            clause="F1",
        )


async def forget(tx: Tx, now: datetime, kept_for: timedelta, most: int) -> list[str]:
    """Take the content from at most so many letters whose events were published that long ago; their ids."""
    if kept_for == timedelta.max:
        return []
    due = (
        dead_letter.c.forgotten_at.is_(None)
        & (dead_letter.c.published_at <= now - kept_for)
        & dead_letter.c.topic.not_in(FOR_GOOD)
    )
    rows = await tx.rows(select(dead_letter.c.id).where(due).order_by(dead_letter.c.id).limit(most))
    letters = [row.id for row in rows]
    if letters:
        emptied = dead_letter.update().where(dead_letter.c.id.in_(letters))
        await tx.write(emptied.values(value=b"", forgotten_at=now))
    return letters


async def remove(tx: Tx, letter_id: str) -> None:
    """Delete a letter whose event has been handled, or that nobody will handle."""
    await tx.write(delete(dead_letter).where(dead_letter.c.id == letter_id))


async def failed_again(tx: Tx, letter_id: str, reason: str) -> None:
    """Count one more failed attempt and keep its reason."""
    await tx.write(
        dead_letter.update()
        .where(dead_letter.c.id == letter_id)
        .values(attempts=dead_letter.c.attempts + 1, reason=reason)
    )


def record(row: Row[Any]) -> Record:
    """The record on the bus that the letter keeps."""
    return Record(row.topic, row.partition, row.offset, row.key, row.value, row.published_at)
