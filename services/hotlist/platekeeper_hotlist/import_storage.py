"""Imports in the tables: the import, spans of its rows, and, while it runs, which entries its rows have said."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql

from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, NotFound
from platekeeper_common.ids import AgencyId, EntryId, ListId
from platekeeper_common.schema import Moment
from platekeeper_hotlist import storage
from platekeeper_hotlist.domain import Entry
from platekeeper_hotlist.import_rules import Import, Reported
from platekeeper_hotlist.storage import entry, metadata

list_import = Table(
    "list_import",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("list_id", String, ForeignKey("hotlist.id"), nullable=False),
    Column("mode", String, nullable=False),
    Column("category", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("incident", String),
    Column("state", String, nullable=False),
    Column("started_by", String, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("heard_at", Moment, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=False),
    Column("removal_withheld", Boolean, nullable=False),
    Column("code", String),
    Column("detail", String),
    Index("list_import_list", "list_id", "id"),
)
span = Table(
    "list_import_span",
    metadata,
    Column("import_id", String, ForeignKey("list_import.id"), primary_key=True),
    Column("first_row", BigInteger, primary_key=True, autoincrement=False),
    Column("last_row", BigInteger, nullable=False),
    Column("outcome", String, nullable=False),
    Column("code", String),
    Column("detail", String),
)
"""Neighbouring rows with the same outcome are one span, so a report of a million rows is short."""
said = Table(
    "list_import_said",
    metadata,
    Column("import_id", String, ForeignKey("list_import.id"), primary_key=True),
    Column("entry_id", String, primary_key=True),
)
FORGOTTEN_AT_ONCE = 5_000


async def add(tx: Tx, new: Import) -> None:
    """Keep a new import."""
    await tx.write(list_import.insert().values(asdict(new)))


async def keep(tx: Tx, now: Import) -> None:
    """Keep what has become of an import."""
    await tx.write(update(list_import).where(list_import.c.id == now.id).values(asdict(now)))


async def keep_running(tx: Tx, now: Import) -> None:
    """Keep what has become of an import that runs.

    Raises Conflict `import_given_up` when another import took it for dead and forgot what its rows said.
    """
    running = update(list_import).where(list_import.c.id == now.id, list_import.c.state == "running")
    if not await tx.write(running.values(asdict(now))):
        raise Conflict("nothing was heard of this import for too long; give the file again", code="import_given_up")


async def give_up(tx: Tx, list_id: ListId, heard_before: datetime) -> None:
    """Running imports for the list that were not heard since are interrupted; one that lives yet must not go on."""
    silent = (list_import.c.state == "running") & (list_import.c.heard_at < heard_before)
    await tx.write(update(list_import).where(list_import.c.list_id == list_id, silent).values(state="interrupted"))


async def one(tx: Tx, agency_id: AgencyId, list_id: ListId, import_id: str) -> Import:
    """One import for a list of the agency. Raises NotFound."""
    of_list = (list_import.c.agency_id == agency_id) & (list_import.c.list_id == list_id)
    row = await tx.row(select(list_import).where(of_list, list_import.c.id == import_id))
    if row is None:
        raise NotFound("no such import for this list", code="import_unknown")
    return Import(**row._asdict())


async def newest(tx: Tx, list_id: ListId, limit: int) -> list[Import]:
    """The last imports for a list, newest first."""
    wanted = select(list_import).where(list_import.c.list_id == list_id).order_by(list_import.c.id.desc())
    return [Import(**row._asdict()) for row in await tx.rows(wanted.limit(limit))]


async def report(tx: Tx, import_id: str, rows: Sequence[Reported]) -> None:
    """Keep what became of rows that were not reported yet."""
    spans: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda reported: reported.row):
        said_of_it = {"outcome": row.outcome, "code": row.code, "detail": row.detail}
        last = spans[-1] if spans else None
        if last and last["last_row"] == row.row - 1 and said_of_it.items() <= last.items():
            last["last_row"] = row.row
        else:
            spans.append({"import_id": import_id, "first_row": row.row, "last_row": row.row, **said_of_it})
    if spans:
        await tx.write(span.insert(), spans)


async def spans(tx: Tx, import_id: str, outcome: str | None, after: int, limit: int) -> Sequence[Any]:
    """Spans of rows behind the row `after`, in order; all of them or those of one outcome."""
    wanted = select(span).where(span.c.import_id == import_id, span.c.first_row > after)
    if outcome is not None:
        wanted = wanted.where(span.c.outcome == outcome)
    return await tx.rows(wanted.order_by(span.c.first_row).limit(limit))


async def holding(tx: Tx, list_id: ListId, plates: Collection[str], now: datetime) -> list[Entry]:
    """The entries in force on the list for these plates, of every state."""
    in_force = select(entry).where(entry.c.list_id == list_id, entry.c.plate.in_(plates), storage.in_force(now))
    return [Entry(**row._asdict()) for row in await tx.rows(in_force)]


async def said_before(tx: Tx, import_id: str, entry_ids: Collection[EntryId]) -> frozenset[EntryId]:
    """Those of the entries that earlier rows of the import say."""
    known = select(said.c.entry_id).where(said.c.import_id == import_id, said.c.entry_id.in_(entry_ids))
    return frozenset(EntryId(row.entry_id) for row in await tx.rows(known))


async def say(tx: Tx, import_id: str, entry_ids: Collection[EntryId]) -> None:
    """Rows of the import say these entries. Safe to run twice."""
    if entry_ids:
        insert = postgresql.insert(said).on_conflict_do_nothing(index_elements=["import_id", "entry_id"])
        await tx.write(insert, [{"import_id": import_id, "entry_id": entry_id} for entry_id in entry_ids])


async def unsaid(tx: Tx, of: Import, after: str, limit: int, now: datetime) -> list[Entry]:
    """Entries in force that were there when the import began and that none of its rows says, behind the id `after`."""
    by_a_row = select(said.c.entry_id).where(said.c.import_id == of.id, said.c.entry_id == entry.c.id).exists()
    wanted = select(entry).where(entry.c.list_id == of.list_id, entry.c.id > after, storage.in_force(now), ~by_a_row)
    wanted = wanted.where(entry.c.added_at <= of.started_at).order_by(entry.c.id).limit(limit)
    return [Entry(**row._asdict()) for row in await tx.rows(wanted)]


async def forget_said(tx: Tx, import_id: str) -> bool:
    """Forget up to 5,000 of what the import's rows said; whether there was any."""
    some = select(said.c.entry_id).where(said.c.import_id == import_id).limit(FORGOTTEN_AT_ONCE)
    return await tx.write(delete(said).where(said.c.import_id == import_id, said.c.entry_id.in_(some))) > 0


async def left_over(tx: Tx, list_id: ListId) -> list[str]:
    """Imports for the list that ended without forgetting what their rows said."""
    ended = list_import.c.state != "running"
    any_said = select(func.count()).select_from(said).where(said.c.import_id == list_import.c.id).scalar_subquery() > 0
    rows = await tx.rows(select(list_import.c.id).where(list_import.c.list_id == list_id, ended, any_said))
    return [row.id for row in rows]
