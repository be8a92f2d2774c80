"""The cosignatures of each checkpoint."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Column, String, Table, func, select

from platekeeper_access_audit.ledger.panel import Cosignature
from platekeeper_access_audit.ledger.storage import metadata
from platekeeper_access_audit.ledger.tree import checkpoint
from platekeeper_common.db import Tx
from platekeeper_common.schema import Moment

cosignature = Table(
    "cosignature",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="of the checkpoint"),
    Column("witness", String, primary_key=True),
    Column("at", Moment, nullable=False, comment="as the witness says"),
    Column("line", String, nullable=False),
    Column("heard_at", Moment, nullable=False),
)


async def of(tx: Tx, numbers: Sequence[int]) -> dict[int, list[Cosignature]]:
    """The cosignatures of the checkpoints, by their numbers."""
    table = cosignature.c
    chosen = select(cosignature).where(table.number.in_(numbers)).order_by(table.number, table.witness)
    found: dict[int, list[Cosignature]] = {number: [] for number in numbers}
    for row in await tx.rows(chosen):
        found[row.number].append(Cosignature(row.witness, row.at, row.line))
    return found


async def add(tx: Tx, number: int, heard: Sequence[Cosignature], *, now: datetime) -> None:
    """Keep the cosignatures of a checkpoint, of each witness the first."""
    known = {one.witness for one in (await of(tx, [number]))[number]}
    rows = [
        {"number": number, "witness": one.witness, "at": one.at, "line": one.line, "heard_at": now}
        for one in heard
        if one.witness not in known
    ]
    if rows:
        await tx.write(cosignature.insert(), rows)


async def witnessed_at(tx: Tx, needed: int) -> datetime | None:
    """When the last checkpoint was heard of that `needed` witnesses cosigned; else when the first was signed."""
    table = cosignature.c
    enough = select(table.number, func.max(table.heard_at, type_=Moment).label("heard")).group_by(table.number)
    newest = enough.having(func.count() >= needed).order_by(table.number.desc()).limit(1)
    if (row := await tx.row(newest)) is not None:
        heard: datetime = row.heard
        return heard
    first = await tx.row(select(checkpoint.c.signed_at).order_by(checkpoint.c.number).limit(1))
    return None if first is None else first[0]
