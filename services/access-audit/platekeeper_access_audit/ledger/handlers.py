"""What the ledger does: append what services recorded, show it to those who audit, and record that it was shown."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from platekeeper_access_audit.ledger import domain, storage
from platekeeper_access_audit.ledger.domain import Cursor, Entry, Gap, Producer, Selection
from platekeeper_common.access import Place, unseal
from platekeeper_common.actions import Action
from platekeeper_common.authorization import opens_plate_data
from platekeeper_common.bus.contract import Reject
from platekeeper_common.caller import Caller
from platekeeper_common.db import Database, Tx
from platekeeper_common.errors import Gone, NotFound
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.keys import KeyStore
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR
from platekeeper_common.service import Room

READERS_OF_QUERIES = frozenset({"administrator", "auditor"})
"""Who may see what was asked for, and not only that something was."""
EXPORT_PAGE = 500
MOST_GAPS = 100

Query = dict[str, Any] | Literal["sealed", "destroyed", "altered"] | None
"""The query elements of a record, or why they are not shown; None when it has none."""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and where the next ones begin."""

    entries: Sequence[Entry]
    following: Cursor | None


async def append(tx: Tx, records: Sequence[AccessRecorded], *, now: datetime) -> None:
    """Append each record once, in order. Safe to run twice.

    Raises Reject `record_invalid` for a record that is not whole, and `record_conflict` when its id, or its producer's
    number, is kept with other content; then nothing of the batch is appended.
    """
    if not records:
        return
    contents = [_whole(record) for record in records]
    await tx.lock()
    kept = await storage.same_place(tx, records)
    position = await storage.next_position(tx)
    fresh: list[Entry] = []
    for record, content in zip(records, contents, strict=True):
        entry = domain.entry(record, content, position=position + len(fresh), at=now)
        by_number = (record.producer, record.number)
        there = {kept.get(record.id), kept.get(by_number)}
        if there == {None}:
            kept[record.id] = kept[by_number] = entry.leaf_hash
            fresh.append(entry)
        elif there != {entry.leaf_hash}:
            raise Reject(record, "record_conflict: another record has this id or this number")
    if fresh:
        await storage.add(tx, fresh)
        counted = domain.tally(await storage.producers(tx), [entry.record for entry in fresh])
        await storage.keep_producers(tx, counted)


def _whole(record: AccessRecorded) -> bytes:
    try:
        return domain.whole(record)
    except ValueError as error:
        raise Reject(record, f"record_invalid: {error}") from error


async def browse(
    tx: Tx, here: Room, by: Caller, selection: Selection, *, after: Cursor | None, limit: int, place: Place
) -> Page:
    """A page of the caller's agency's records."""
    found = await storage.find(tx, selection, after=after, limit=limit + 1)
    entries = found[:limit]
    last = entries[-1] if len(found) > limit else None
    _looked_at(tx, here, by, "access_records", selection.described(), len(entries), place)
    return Page(entries, Cursor(last.record.at, last.position) if last else None)


async def show(tx: Tx, here: Room, by: Caller, record_id: str, *, place: Place) -> tuple[Entry, Query]:
    """One record of the caller's agency with its query elements opened. Raises NotFound."""
    entry = await storage.get(tx, own_agency(by), record_id)
    if entry is None:
        raise NotFound("no such access record", code="access_record_unknown")
    query = await opened(here.foundation.keys, by, entry.record)
    _looked_at(tx, here, by, "access_record", record_id, 1, place)
    return entry, query


async def begin_export(tx: Tx, here: Room, by: Caller, selection: Selection, *, place: Place) -> None:
    """Leave the record of an export; the export itself is read after the commit."""
    _looked_at(tx, here, by, "access_records_export", selection.described(), await storage.count(tx, selection), place)


async def export(db: Database, keys: KeyStore, by: Caller, selection: Selection) -> AsyncIterator[tuple[Entry, Query]]:
    """Every selected record with its query elements, newest first, read page by page."""
    after: Cursor | None = None
    while True:
        async with db.tx() as tx:
            entries = await storage.find(tx, selection, after=after, limit=EXPORT_PAGE)
        for entry in entries:
            yield entry, await opened(keys, by, entry.record)
        if len(entries) < EXPORT_PAGE:
            return
        after = Cursor(entries[-1].record.at, entries[-1].position)


async def check_numbers(tx: Tx, here: Room, by: Caller, *, place: Place) -> list[tuple[Producer, list[Gap]]]:
    """Every producer with the first of its gaps."""
    known = await storage.producers(tx)
    report = [(one, await storage.gaps(tx, one.name, MOST_GAPS) if one.missing else []) for one in known]
    _looked_at(tx, here, by, "access_record_numbers", "all", len(report), place)
    return report


async def counts(db: Database) -> dict[str, int]:
    """Records, refusals, and producers of whose numbers some are missing."""
    async with db.tx() as tx:
        known = await storage.producers(tx)
    return {
        "records": sum(one.records for one in known),
        "refusals": sum(one.refusals for one in known),
        "producers_with_gaps": sum(one.missing > 0 for one in known),
    }


def own_agency(by: Caller) -> AgencyId:
    """Whose records the caller may see: a platform administrator those that belong to no agency."""
    return PLATFORM if PLATFORM_ADMINISTRATOR in by.roles else by.agency_id


async def opened(keys: KeyStore, by: Caller, record: AccessRecorded) -> Query:
    """The query elements for those who may read them: they hold plates, and open as plate data does (A8, C2, G2)."""
    if record.query is None:
        return None
    if not (by.roles & READERS_OF_QUERIES and opens_plate_data(by)) or record.agency_id != own_agency(by):
        return "sealed"
    try:
        elements: dict[str, Any] = json.loads(await unseal(keys, record.id, record.query))
    except Gone:
        return "destroyed"
    except ValueError:
        return "altered"
    return elements


def _looked_at(
    tx: Tx, here: Room, by: Caller, object_type: str, object_id: str, result_count: int, place: Place
) -> None:
    looked = here.recorder.administration(
        by, Action.RECORDS_VIEW, object_type, object_id, place, result_count=result_count
    )
    tx.emit(looked)
