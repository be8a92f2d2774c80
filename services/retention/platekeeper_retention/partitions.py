"""Room for reads on PostgreSQL: a partition for each agency and month of receipt, and how reads get into it fast.

Made ahead by a job, and by whoever comes first where the job has not been. ADR 0022 says why it is so.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Date, MetaData, String, Table, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import CreateTable

from platekeeper_common.db import Tx
from platekeeper_common.ids import AgencyId

AHEAD = 2
"""Months for which there is room before they begin."""
EARLY = "early"
"""The lock of those who store a read that was captured before its month of receipt began."""
KEY = ("agency_id", "id", "version")
Record = tuple[Any, ...]
_STAGED, _MONTH = "staged_read", "received_month"

_MAKE_ROOM = text("SELECT make_room(:agencies, :months)").bindparams(
    bindparam("agencies", type_=ARRAY(String)), bindparam("months", type_=ARRAY(Date))
)
_MAKE_ROOM_BESIDE = text("SELECT make_room_beside(:agency, :month)").bindparams(bindparam("month", type_=Date))
# Such a read may have come before: an upload that is tried again in the next month is received anew.
_DROP_KNOWN = text(
    f"DELETE FROM {_STAGED} AS new USING plate_read AS known"  # noqa: S608 - names of this file alone
    " WHERE (new.captured_at AT TIME ZONE 'UTC')::date < new.received_month"
    " AND known.agency_id = new.agency_id AND known.id = new.id AND known.version = new.version"
    " AND known.received_month < new.received_month"
)


def month_of(moment: datetime) -> date:
    """The month of a moment in UTC, as its first day."""
    return moment.astimezone(UTC).date().replace(day=1)


def months_from(moment: datetime) -> list[date]:
    """This month and the next ones for which there shall be room."""
    first = month_of(moment)
    return [date(first.year + (first.month + n - 1) // 12, (first.month + n - 1) % 12 + 1, 1) for n in range(AHEAD + 1)]


async def make_room(tx: Tx, wanted: Collection[tuple[AgencyId, date]]) -> None:
    """Make the partitions that are not there yet; on SQLite there is room anyway. Safe to run twice."""
    if tx.database == "postgresql" and wanted:
        agencies, months = zip(*sorted(wanted), strict=True)
        await tx.write(_MAKE_ROOM, {"agencies": list(agencies), "months": list(months)})


async def make_room_beside(tx: Tx, agency_id: AgencyId, month: date) -> None:
    """Make the partitions of what is said of the month's reads; on SQLite there is room anyway. Safe to run twice."""
    if tx.database == "postgresql":
        await tx.write(_MAKE_ROOM_BESIDE, {"agency": agency_id, "month": month})


@asynccontextmanager
async def own_reads(tx: Tx, agency_id: AgencyId) -> AsyncIterator[None]:
    """Statements within see the reads of that agency alone: on PostgreSQL as a role that may read nothing else."""
    async with tx.confined(f"retention_of_{agency_id}"):
        yield


async def copy(tx: Tx, table: Table, columns: Sequence[str], records: Sequence[Record]) -> int:
    """Store records of the table's columns by COPY, those whose key is not there yet; how many those were.

    The first columns are those of the key. JSON is given as text.
    """
    captured, received = columns.index("captured_at"), columns.index("received_at")
    # Of the same read received in two months the first stays.
    by_key = {record[: len(KEY)]: record for record in sorted(records, key=itemgetter(received), reverse=True)}
    months = {moment: month_of(moment) for moment in {record[received] for record in by_key.values()}}
    staged = [(*record, months[record[received]]) for record in by_key.values()]
    await make_room(tx, {(AgencyId(record[0]), record[-1]) for record in staged})
    await tx.write(text(_staging(table)))
    async with tx.driver() as driver:
        await driver.copy_records_to_table(_STAGED, records=staged, columns=[*columns, _MONTH])
    begins = {month: datetime(month.year, month.month, 1, tzinfo=UTC) for month in set(months.values())}
    if any(record[captured] < begins[record[-1]] for record in staged):
        await tx.lock(EARLY)
        await tx.write(_DROP_KNOWN)
    return await tx.write(text(_insert(table)))


@cache
def _staging(table: Table) -> str:
    """Made once for each connection, and emptied by each commit."""
    columns = [Column(column.name, column.type) for column in table.columns]
    staged = Table(
        _STAGED,
        MetaData(),
        *columns,
        Column(_MONTH, Date),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
    )
    return str(CreateTable(staged, if_not_exists=True).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


@cache
def _insert(table: Table) -> str:
    names = ", ".join([*(f'"{column.name}"' for column in table.columns), _MONTH])
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_STAGED}"  # noqa: S608 - names of tables and columns
        f" ON CONFLICT ({', '.join(KEY)}, {_MONTH}) DO NOTHING"
    )
