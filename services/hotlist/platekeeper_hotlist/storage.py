"""The tables of lists and entries. Every query of a caller names the caller's agency."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)

from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.ids import AgencyId, EntryId, ListId
from platekeeper_common.schema import Moment
from platekeeper_hotlist.domain import Entry, HotList

metadata = MetaData()
_WITH_WILDCARDS = text("(plate LIKE '%?%' OR plate LIKE '%*%')")
"""Written out, so that the index of such entries is found by its own condition."""
hotlist = Table(
    "hotlist",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("source", String, nullable=False),
    Column("source_title", String),
    Column("version", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
    UniqueConstraint("agency_id", "name", name="hotlist_name"),
)
entry = Table(
    "entry",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("list_id", String, ForeignKey("hotlist.id"), nullable=False),
    Column("plate", String, nullable=False),
    Column("state", String),
    Column("category", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("incident", String),
    Column("expires_at", Moment),
    Column("purpose", String, nullable=False),
    Column("matter_type", String, nullable=False),
    Column("matter_number", String),
    Column("requested_by", String),
    Column("added_by", String, nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("changed_in", BigInteger, nullable=False),
    Column("removed_by", String),
    Column("removed_at", Moment),
    Index("entry_changed", "list_id", "changed_in", "id"),
    Index("entry_plate", "list_id", "plate"),
    Index("entry_partial", "list_id", sqlite_where=_WITH_WILDCARDS, postgresql_where=_WITH_WILDCARDS),
)
_COLUMNS = tuple(entry.c.keys())
T = TypeVar("T")


async def add_list(tx: Tx, new: HotList) -> None:
    """Keep a new list. Raises IntegrityError when the agency has one of that name."""
    await tx.write(hotlist.insert().values(asdict(new)))


async def lists(tx: Tx, agency_id: AgencyId) -> list[HotList]:
    """The agency's lists by name."""
    rows = await tx.rows(select(hotlist).where(hotlist.c.agency_id == agency_id).order_by(hotlist.c.name))
    return [HotList(**row._asdict()) for row in rows]


async def every_list(tx: Tx) -> list[HotList]:
    """The lists of all agencies, for the matcher."""
    return [HotList(**row._asdict()) for row in await tx.rows(select(hotlist))]


async def one_list(tx: Tx, agency_id: AgencyId, list_id: ListId) -> HotList:
    """One list of the agency. Raises NotFound."""
    row = await tx.row(select(hotlist).where(hotlist.c.agency_id == agency_id, hotlist.c.id == list_id))
    if row is None:
        raise NotFound("no such hot list", code="hotlist_unknown")
    return HotList(**row._asdict())


async def change(tx: Tx, list_id: ListId, now: datetime) -> int:
    """Count a change of the list; its new version. The list's row stays locked until the commit."""
    changed = update(hotlist).where(hotlist.c.id == list_id)
    changed = changed.values(version=hotlist.c.version + 1, updated_at=now)
    return int((await tx.write_returning(changed.returning(hotlist.c.version)))[0].version)


async def confirm_list(tx: Tx, list_id: ListId, at: datetime) -> None:
    """Keep when the list's source gave the whole of it; that is no change of the list."""
    await tx.write(update(hotlist).where(hotlist.c.id == list_id).values(confirmed_at=at))


async def add_entry(tx: Tx, new: Entry) -> None:
    """Keep a new entry."""
    await tx.write(entry.insert().values(asdict(new)))


async def add_entries(tx: Tx, new: Sequence[Entry]) -> None:
    """Keep new entries."""
    if new:
        await tx.write(entry.insert(), [{name: getattr(each, name) for name in _COLUMNS} for each in new])


async def same_entry(tx: Tx, list_id: ListId, plate: str, state: str | None, now: datetime) -> EntryId | None:
    """The entry in force that already says this plate of this state on the list."""
    same = select(entry.c.id).where(entry.c.list_id == list_id, entry.c.plate == plate, in_force(now))
    row = await tx.row(same.where(entry.c.state.is_not_distinct_from(state)))
    return EntryId(row.id) if row else None


async def partials(tx: Tx, list_id: ListId, now: datetime) -> int:
    """How many entries with wildcards are in force on the list."""
    counted = select(func.count()).select_from(entry).where(entry.c.list_id == list_id, _WITH_WILDCARDS)
    return int((await tx.rows(counted.where(in_force(now))))[0][0])


async def entry_in_force(tx: Tx, list_id: ListId, entry_id: EntryId, now: datetime) -> Entry:
    """One entry of the list. Raises NotFound when there is none, or none any more."""
    row = await tx.row(select(entry).where(entry.c.list_id == list_id, entry.c.id == entry_id, in_force(now)))
    if row is None:
        raise NotFound("no such entry in force on this list", code="entry_unknown")
    return Entry(**row._asdict())


async def remove_entry(tx: Tx, entry_id: EntryId, version: int, by: str, now: datetime) -> None:
    """Mark the entry removed; hits that it raised keep their copy."""
    gone = entry.update().where(entry.c.id == entry_id)
    await tx.write(gone.values(removed_by=by, removed_at=now, changed_in=version))


async def remove_entries(tx: Tx, entry_ids: Sequence[EntryId], version: int, by: str, now: datetime) -> None:
    """Mark the entries removed, as `remove_entry`."""
    if entry_ids:
        await lock_entries(tx, entry_ids)
        gone = entry.update().where(entry.c.id.in_(entry_ids))
        await tx.write(gone.values(removed_by=by, removed_at=now, changed_in=version))


async def entries(tx: Tx, list_id: ListId, cursor: str | None, limit: int, now: datetime) -> list[Entry]:
    """Entries in force, newest first, behind the entry `cursor`."""
    wanted = select(entry).where(entry.c.list_id == list_id, in_force(now))
    if cursor is not None:
        wanted = wanted.where(entry.c.id < cursor)
    return [Entry(**row._asdict()) for row in await tx.rows(wanted.order_by(entry.c.id.desc()).limit(limit))]


async def changed_entries(tx: Tx, list_id: ListId, after: tuple[int, str], limit: int) -> list[Entry]:
    """Entries of the list, removed ones too, behind the version of their change and the id `after`, in that order."""
    place = tuple_(entry.c.changed_in, entry.c.id)
    wanted = select(entry).where(entry.c.list_id == list_id, place > after).order_by(entry.c.changed_in, entry.c.id)
    return [Entry(**row._asdict()) for row in await tx.rows(wanted.limit(limit))]


async def counts(tx: Tx, now: datetime) -> dict[str, int]:
    """Lists, and entries in force."""
    lists_kept = await tx.rows(select(func.count()).select_from(hotlist))
    entries_kept = await tx.rows(select(func.count()).select_from(entry).where(in_force(now)))
    return {"lists": int(lists_kept[0][0]), "entries": int(entries_kept[0][0])}


async def lock_entries(tx: Tx, entry_ids: Iterable[EntryId]) -> None:
    """Let nobody else count reads of these entries until the commit.

    The rows are locked in one order, so that two matchers never wait for each other; SQLite has locked all by then.
    """
    for some in in_parts(sorted(entry_ids)):
        held = select(entry.c.id).where(entry.c.id.in_(some)).order_by(entry.c.id)
        await tx.hold(held.with_for_update(key_share=True))


def in_parts(items: Sequence[T], at_once: int = 500) -> Iterator[Sequence[T]]:
    """The items, no more at once than a statement takes."""
    return (items[start : start + at_once] for start in range(0, len(items), at_once))


def in_force(now: datetime) -> Any:
    """The condition that an entry is on its list at `now`."""
    return entry.c.removed_at.is_(None) & or_(entry.c.expires_at.is_(None), entry.c.expires_at > now)
