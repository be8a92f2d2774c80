"""Who searched this plate: found by the keyed index, confirmed by opening what was asked, and itself recorded."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platekeeper_access_audit.ledger import following
from platekeeper_access_audit.ledger.domain import Entry
from platekeeper_access_audit.ledger.plate_index import handlers as plate_index
from platekeeper_access_audit.ledger.tracing import domain, storage
from platekeeper_access_audit.ledger.tracing.domain import Question, Traced
from platekeeper_common import uses
from platekeeper_common.access import Place, Result, Use, unseal
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Busy, Gone, Invalid
from platekeeper_common.keys import KeyStore
from platekeeper_common.service import Room

MOST_NAMED = 1_000
"""Records of a question that one answer tells; a period with more is asked for in parts."""
MOST_OPENED = 5_000
"""Records of which the index says nothing that are opened for one answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, newest first; `complete` is False when older records of which the index says nothing were not
    opened.
    """

    traced: Sequence[Traced]
    complete: bool


async def who_searched(tx: Tx, here: Room, by: Caller, question: Question, use: Use, place: Place) -> Answer:
    """Everybody of the caller's agency who asked for the plate, and who could have been shown it by another search.

    Raises Invalid for what the use lacks (A1, A8), or `too_many_records`; Refused `immigration_refused` (J4).
    """
    uses.demand(here, by, Action.RECORDS_TRACE, use)
    answer = await _found(tx, here, by, question, domain.SHOWS)
    await _recorded(tx, here, by, question, use, answer.traced, place)
    return answer


async def named(tx: Tx, here: Room, by: Caller, question: Question, use: Use, place: Place) -> Sequence[Traced]:
    """The records of the caller's agency that name the plate, for an export (B8).

    Raises as `who_searched`, and Busy `index_behind` while more are not read than can be opened: an export is whole.
    """
    uses.demand(here, by, Action.RECORDS_TRACE, use)
    answer = await _found(tx, here, by, question, ())
    if not answer.complete:
        detail = "the index of plates has not read all records of the period; ask for a shorter one, or again later"
        raise Busy(detail, code="index_behind", clause="B8")
    await _recorded(tx, here, by, question, use, answer.traced, place)
    return answer.traced


async def _found(tx: Tx, here: Room, by: Caller, question: Question, shows: Sequence[str]) -> Answer:
    """What names the plate, and what acts of `shows` could have shown."""
    keys = here.foundation.keys
    # In this order: what the index takes in between is found by it, too, and told once.
    unread = await following.place(tx, plate_index.READER)
    silent = await storage.unindexed(tx, by.agency_id, question, shows, unread=unread, limit=MOST_OPENED + 1)
    digests = await plate_index.digests_of(keys, by.agency_id, question.plate)
    within = {month: digest for month, digest in digests.items() if question.touches(month)}
    indexed = await storage.named(tx, by.agency_id, question, within, limit=MOST_NAMED + 1)
    if len(indexed) > MOST_NAMED:
        detail = f"more than {MOST_NAMED} records of the period name it; ask for a shorter period or for one `username`"
        raise Invalid(detail, code="too_many_records", clause="G3")
    entries = {entry.position: entry for entry in (*indexed, *silent[:MOST_OPENED])}
    opened = await _opened(keys, question, entries.values())
    traced = [one for one in opened if one.match == "plate" or one.entry.record.action in shows]
    return Answer(_newest_first(traced), complete=len(silent) <= MOST_OPENED)


async def _opened(keys: KeyStore, question: Question, entries: Iterable[Entry]) -> list[Traced]:
    """Those of the entries that are about the plate, as their query elements say."""
    found = []
    for entry in entries:
        query = await _elements(keys, entry)
        if query is not None and (match := domain.match(question.plate, query)) is not None:
            found.append(Traced(entry, match, query))
    return found


async def _elements(keys: KeyStore, entry: Entry) -> Mapping[str, Any] | None:
    if entry.record.query is None:
        return None
    try:
        elements = json.loads(await unseal(keys, entry.record.id, entry.record.query))
    except (Gone, ValueError):
        return None
    return elements if isinstance(elements, dict) else None


def _newest_first(traced: Iterable[Traced]) -> list[Traced]:
    return sorted(traced, key=lambda one: (one.entry.record.at, one.entry.position), reverse=True)


async def _recorded(
    tx: Tx, here: Room, by: Caller, question: Question, use: Use, traced: Sequence[Traced], place: Place
) -> None:
    result = Result(count=len(traced), ids=[one.entry.record.id for one in traced if one.match == "plate"])
    record = await here.recorder.plate_data(by, Action.RECORDS_TRACE, use, question.elements(), result, place)
    tx.emit(record)
