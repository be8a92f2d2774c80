"""Events that a service could not handle, kept in its own database with their original bytes until someone acts."""

from collections.abc import Sequence
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
from platekeeper_common.errors import NotFound
from platekeeper_common.schema import Moment, shared

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


async def remove(tx: Tx, letter_id: str) -> None:
    """Delete a letter whose event has been handled."""
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
