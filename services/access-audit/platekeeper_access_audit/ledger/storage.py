"""The ledger's tables and queries. Nothing here updates or deletes an access record; the database refuses it too.

The migration adds what a table definition does not show: the checks on statutory fields, and the triggers.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.types import TypeEngine

from platekeeper_access_audit.ledger.domain import SEARCHES, Cursor, Entry, Gap, Producer, Selection
from platekeeper_common.db import Tx
from platekeeper_common.events.access import AccessRecorded, Sealed
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Month
from platekeeper_common.schema import Moment, RowId, by_column

metadata = MetaData()

access_record = Table(
    "access_record",
    metadata,
    Column("position", RowId, primary_key=True, autoincrement=False, comment="index of the leaf, from 0"),
    Column("id", String, nullable=False, unique=True),
    Column("producer", String, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("agency_id", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("action", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("username", String, nullable=False),
    Column("name", String, nullable=False),
    Column("organisation", String, nullable=False),
    Column("title", String),
    Column("session", String),
    Column("device", String),
    Column("address", String),
    Column("policy_version", String, nullable=False),
    Column("purpose", String),
    Column("matter_type", String),
    Column("matter_number", String),
    Column("requested_by", String),
    Column("query_key_id", String),
    Column("query_nonce", String),
    Column("query_ciphertext", String),
    Column("result_count", Integer),
    Column("result_ids", JSON, nullable=False),
    Column("object_type", String),
    Column("object_id", String),
    Column("count", Integer, nullable=False),
    Column("code", String),
    Column("clause", String),
    Column("salt", String, nullable=False),
    Column("canonical", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("appended_at", Moment, nullable=False),
    Column("actor", String),
    Column("authority", String),
    Column("matter_session", String),
    Column("number_pending", Boolean),
    Column("unit", String),
    Column("shift", String),
    Column("context", String),
    Column("terminal", String),
    Column("post", String),
    UniqueConstraint("producer", "number"),
    Index("access_record_agency_at", "agency_id", "at", "position"),
    Index("access_record_agency_username_at", "agency_id", "username", "at", "position"),
)
producer = Table(
    "producer",
    metadata,
    Column("name", String, primary_key=True),
    Column("highest", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("refusals", BigInteger, nullable=False),
)

SLOWEST_OF = 500
"""Records that are looked at for how long they took."""
_PLAIN = tuple(name for name in AccessRecorded.__struct_fields__ if name not in ("query", "result_ids"))
_SEALED = Sealed.__struct_fields__
_UNSEALED = (None,) * len(_SEALED)
_OWN = ("position", "canonical", "leaf_hash", "appended_at")
_COLUMNS = ("result_ids", *_OWN, *(f"query_{name}" for name in _SEALED), *_PLAIN)
"""Of a row, in the order of `_row`."""
_plain = attrgetter(*_PLAIN)


async def next_position(tx: Tx) -> int:
    """Where the next record goes; true until the transaction ends, once it holds the lock."""
    row = await tx.row(select(func.max(access_record.c.position)))
    return 0 if row is None or row[0] is None else row[0] + 1


async def same_place(tx: Tx, records: Sequence[AccessRecorded]) -> dict[str | tuple[str, int], bytes]:
    """Leaf hashes of the records kept under the ids of `records`, and under their producers' numbers."""
    table = access_record.c
    ids = [record.id for record in records]
    numbers = [(record.producer, record.number) for record in records]
    columns = (table.id, table.producer, table.number, table.leaf_hash)
    if tx.database == "postgresql":
        # As arrays: a statement with a thousand parameters takes longer to read than to answer.
        same_id, same_number = table.id == any_(_array(ids, String)), _among(numbers)
    else:
        same_id, same_number = table.id.in_(ids), tuple_(table.producer, table.number).in_(numbers)
    rows = [*await tx.rows(select(*columns).where(same_id)), *await tx.rows(select(*columns).where(same_number))]
    return {row.id: row.leaf_hash for row in rows} | {(row.producer, row.number): row.leaf_hash for row in rows}


async def add(tx: Tx, entries: Sequence[Entry]) -> None:
    """Append the entries. Raises the database's error when one is no good or not the next: IntegrityError on SQLite,
    the driver's own on PostgreSQL, where they go by COPY.
    """
    rows = [_row(entry) for entry in entries]
    if tx.database == "postgresql":
        async with tx.driver() as driver:
            copied = [(json.dumps(row[0]), *row[1:]) for row in rows]
            await driver.copy_records_to_table(access_record.name, records=copied, columns=_COLUMNS)
    else:
        await tx.write(access_record.insert(), [dict(zip(_COLUMNS, row, strict=True)) for row in rows])


def _array(values: Sequence[object], type_: type[TypeEngine[Any]]) -> BindParameter[Any]:
    return bindparam(None, list(values), ARRAY(type_))


def _among(numbers: Sequence[tuple[str, int]]) -> ColumnElement[bool]:
    """Whether a record has one of the numbers, each with its producer; as PostgreSQL says it."""
    whose, which = zip(*numbers, strict=True)
    pairs = func.unnest(_array(whose, String), _array(which, BigInteger)).table_valued("producer", "number")
    wanted = pairs.render_derived().c
    return tuple_(access_record.c.producer, access_record.c.number).in_(select(wanted.producer, wanted.number))


async def producers(tx: Tx) -> list[Producer]:
    """Every producer from which a record came, by name."""
    return [Producer(*row) for row in await tx.rows(select(producer).order_by(producer.c.name))]


async def keep_producers(tx: Tx, counted: Sequence[Producer]) -> None:
    """Keep the producers' counts in place of the earlier ones."""
    for one in counted:
        values = {"highest": one.highest, "records": one.records, "refusals": one.refusals}
        if not await tx.write(update(producer).where(producer.c.name == one.name).values(values)):
            await tx.write(producer.insert().values(name=one.name, **values))


async def gaps(tx: Tx, name: str, most: int) -> list[Gap]:
    """The first `most` gaps in a producer's numbers, below its highest."""
    table = access_record.c
    before = func.lag(table.number, 1, 0).over(order_by=table.number).label("before")
    pairs = select(table.number, before).where(table.producer == name).subquery()
    jumps = select(pairs).where(pairs.c.number > pairs.c.before + 1).order_by(pairs.c.number).limit(most)
    return [Gap(row.before + 1, row.number - 1) for row in await tx.rows(jumps)]


async def find(tx: Tx, selection: Selection, *, after: Cursor | None, limit: int) -> list[Entry]:
    """The selected entries behind `after`, newest first."""
    table = access_record.c
    statement = _selected(select(access_record), selection).order_by(table.at.desc(), table.position.desc())
    if after is not None:
        older = and_(table.at == after.at, table.position < after.position)
        statement = statement.where(table.at <= after.at, or_(table.at < after.at, older))
    return [as_entry(row) for row in await tx.rows(statement.limit(limit))]


async def in_order(tx: Tx, start: int, limit: int, *, before: int | None = None) -> list[Entry]:
    """Up to `limit` entries from the position `start` on, in the order in which they were appended."""
    position = access_record.c.position
    statement = select(access_record).where(position >= start).order_by(position).limit(limit)
    if before is not None:
        statement = statement.where(position < before)
    return [as_entry(row) for row in await tx.rows(statement)]


async def slowest(tx: Tx, *, since: datetime) -> float:
    """The most seconds that one of the last records, appended after `since`, took from the act into the ledger."""
    table = access_record.c
    newest = select(table.at, table.appended_at).order_by(table.position.desc()).limit(SLOWEST_OF)
    took = [row.appended_at - row.at for row in await tx.rows(newest) if row.appended_at >= since]
    return max((one.total_seconds() for one in took), default=0.0)


async def positions(tx: Tx, selection: Selection, *, below: int) -> list[int]:
    """Where the selected entries below a position stand, ascending."""
    table = access_record.c
    chosen = _selected(select(table.position), selection).where(table.position < below)
    return [row.position for row in await tx.rows(chosen.order_by(table.position))]


async def count(tx: Tx, selection: Selection) -> int:
    """How many entries are selected."""
    return await tx.number(_selected(select(func.count()).select_from(access_record), selection))


async def searches_in(tx: Tx, agency_id: AgencyId, month: Month) -> dict[str, int]:
    """By purpose, how many searches the agency made in the month."""
    table = access_record.c
    made = _within(select(table.purpose, func.count().label("made")), agency_id, month)
    made = made.where(table.action.in_(SEARCHES), table.outcome == "allowed").group_by(table.purpose)
    return {row.purpose: row.made for row in await tx.rows(made)}


async def refusals_in(tx: Tx, agency_id: AgencyId, month: Month) -> int:
    """How many acts of the agency's people were refused in the month."""
    return await tx.number(
        _within(select(func.count()).select_from(access_record), agency_id, month).where(
            access_record.c.outcome == "refused"
        )
    )


def _within(statement: Select[Any], agency_id: AgencyId, month: Month) -> Select[Any]:
    at = access_record.c.at
    return statement.where(access_record.c.agency_id == agency_id, at >= month.start, at < month.end)


async def get(tx: Tx, agency_id: AgencyId, record_id: str) -> Entry | None:
    """One entry of the agency."""
    table = access_record.c
    row = await tx.row(select(access_record).where(table.id == record_id, table.agency_id == agency_id))
    return None if row is None else as_entry(row)


def _selected(statement: Select[Any], selection: Selection) -> Select[Any]:
    table = access_record.c
    statement = statement.where(table.agency_id == selection.agency_id)
    if selection.start is not None:
        statement = statement.where(table.at >= selection.start)
    if selection.end is not None:
        statement = statement.where(table.at < selection.end)
    wanted = {name: getattr(selection, name) for name in ("username", "action", "outcome", "subject")}
    return statement.where(*(table[name] == value for name, value in wanted.items() if value is not None))


def _row(entry: Entry) -> tuple[Any, ...]:
    """The values of `_COLUMNS`."""
    record, query = entry.record, entry.record.query
    sealed = _UNSEALED if query is None else [getattr(query, name) for name in _SEALED]
    own = (entry.position, entry.canonical, entry.leaf_hash, entry.appended_at)
    return (record.result_ids, *own, *sealed, *_plain(record))


def as_entry(row: Row[Any]) -> Entry:
    """The entry in a whole row of the table."""
    values = by_column(row)
    sealed = [values[f"query_{name}"] for name in _SEALED]
    record = AccessRecorded(
        **{name: values[name] for name in _PLAIN},
        query=None if sealed[0] is None else Sealed(*sealed),
        result_ids=tuple(values["result_ids"]),
    )
    appended_at: datetime = values["appended_at"]
    return Entry(values["position"], appended_at, record, values["canonical"], values["leaf_hash"])
