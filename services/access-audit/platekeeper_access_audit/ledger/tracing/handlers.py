"""Who searched this plate: found by the keyed index, confirmed by opening what was asked, and itself recorded."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platekeeper_access_audit.ledger.domain import Entry
from platekeeper_access_audit.ledger.plate_index import handlers as plate_index
from platekeeper_access_audit.ledger.tracing import domain, storage
from platekeeper_access_audit.ledger.tracing.domain import Question, Traced
from platekeeper_common import uses
from platekeeper_common.access import Place, Result, Use, unseal
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Gone, Invalid
from platekeeper_common.keys import KeyStore
from platekeeper_common.service import Room

MOST_NAMED = 1_000
"""Records of a question that one answer tells; a period with more is asked for in parts."""
MOST_OPENED = 5_000
"""Searches without a plate that are opened for one answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, newest first; `complete` is False when older searches without a plate were not opened."""

    traced: Sequence[Traced]
    complete: bool


async def who_searched(tx: Tx, here: Room, by: Caller, question: Question, use: Use, place: Place) -> Answer:
    """Everybody of the caller's agency who asked for the plate, and who could have been shown it by another search.

    Raises Invalid for what the use lacks (A1, A8), or `too_many_records`; Refused `immigration_refused` (J4).
    """
    uses.demand(here, by, Action.RECORDS_TRACE, use)
    named = await _named(tx, here, by, question)
    others = await storage.unindexed(tx, by.agency_id, question, limit=MOST_OPENED + 1)
    possible = await _opened(here.foundation.keys, question, others[:MOST_OPENED])
    traced = _newest_first([*named, *possible])
    await _recorded(tx, here, by, question, use, traced, place)
    return Answer(traced, complete=len(others) <= MOST_OPENED)


async def named(tx: Tx, here: Room, by: Caller, question: Question, use: Use, place: Place) -> Sequence[Traced]:
    """The records of the caller's agency that name the plate, for an export (B8). Raises as `who_searched`."""
    uses.demand(here, by, Action.RECORDS_TRACE, use)
    traced = _newest_first(await _named(tx, here, by, question))
    await _recorded(tx, here, by, question, use, traced, place)
    return traced


async def _named(tx: Tx, here: Room, by: Caller, question: Question) -> list[Traced]:
    keys = here.foundation.keys
    digests = await plate_index.digests_of(keys, by.agency_id, question.plate)
    within = {month: digest for month, digest in digests.items() if question.touches(month)}
    entries = await storage.named(tx, by.agency_id, question, within, limit=MOST_NAMED + 1)
    if len(entries) > MOST_NAMED:
        detail = f"more than {MOST_NAMED} records of the period name it; ask for a shorter period or for one `username`"
        raise Invalid(detail, code="too_many_records", clause="G3")
    return await _opened(keys, question, entries)


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
