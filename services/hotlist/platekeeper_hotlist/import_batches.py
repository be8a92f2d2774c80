"""A batch of an import: rows settled in one transaction, with its access record and one version of the list."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from platekeeper_common import edge, ids, patterns
from platekeeper_common.access import Place, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Busy, Refused
from platekeeper_common.events.hotlist import HotlistChanged
from platekeeper_common.ids import EntryId
from platekeeper_hotlist import domain, import_rules, import_storage, storage
from platekeeper_hotlist.csv_file import Row, Unreadable
from platekeeper_hotlist.domain import Entry, NewEntry
from platekeeper_hotlist.import_rules import PROHIBITED, UNDERSTOOD, Import, Reported, Said
from platekeeper_hotlist.policy import HotlistPolicy
from platekeeper_hotlist.room import HotlistRoom

BATCH = 500
"""Rows of one transaction."""


@dataclass(slots=True, kw_only=True)
class Intake:
    """An import at work: for whom, and how far it is."""

    here: HotlistRoom
    by: Caller
    use: Use
    place: Place
    now: Import


@asynccontextmanager
async def unit(intake: Intake) -> AsyncIterator[Tx]:
    """One transaction of the import, with its access record or not at all (B8)."""
    try:
        async with intake.here.db.tx() as tx:
            await edge.refuse_when_audit_lags(intake.here, tx, intake.by)
            yield tx
            await edge.commit_or_refuse(tx)
    except Unavailable as error:
        raise Busy("the list cannot be written; give the file again", code="audit_unavailable", clause="B8") from error


async def settle(intake: Intake, rows: Sequence[Row | Unreadable]) -> None:
    """Settle a batch of rows, all of them or none. Raises Busy, Conflict `import_given_up`."""
    here, asked, now = intake.here, intake.now, intake.here.clock()
    policy = here.foundation.policies.of(asked.agency_id).section(HotlistPolicy)
    read = [import_rules.read(row, asked, policy, now) for row in rows]
    said = {row.new.plate for row in read if isinstance(row, Said)}
    partial = any(patterns.is_pattern(plate) for plate in said)
    async with unit(intake) as tx:
        await tx.lock()
        on = await storage.one_list(tx, asked.agency_id, asked.list_id)
        held = {(entry.plate, entry.state): entry for entry in await import_storage.holding(tx, on.id, said, now)}
        before = await import_storage.said_before(tx, asked.id, [entry.id for entry in held.values()])
        partials = await storage.partials(tx, on.id, now) if partial else 0

        def make(new: NewEntry) -> Entry:
            entry_id = EntryId(ids.new())
            return domain.entry(new, on, entry_id, on.version + 1, intake.use, asked.started_by, now)

        settled = import_rules.settle(read, held, before, partials, make)
        await _write(tx, intake, settled.added, settled.gone)
        await import_storage.say(tx, asked.id, settled.met)
        await import_storage.report(tx, asked.id, settled.reported)
        await _record_prohibited(tx, intake, settled.reported)
        further = replace(_counted(asked, settled.reported), heard_at=now)
        await import_storage.keep_running(tx, further)
    intake.now = further


async def take_off(intake: Intake, after: str) -> Sequence[Entry]:
    """Take off the next entries that a `replace` did not say, behind the id `after`."""
    now = intake.here.clock()
    async with unit(intake) as tx:
        await tx.lock()
        unsaid = await import_storage.unsaid(tx, intake.now, after, BATCH, now)
        await _write(tx, intake, (), unsaid)
        further = replace(intake.now, removed=intake.now.removed + len(unsaid), heard_at=now)
        await import_storage.keep_running(tx, further)
    intake.now = further
    return unsaid


async def _record_prohibited(tx: Tx, intake: Intake, reported: Sequence[Reported]) -> None:
    """Rows that speak of immigration or of a private interest leave an access record of each kind (A4, J4)."""
    for code, clause in PROHIBITED.items():
        if rows := [row.row for row in reported if row.code == code]:
            error = Refused("rows speak of a prohibited purpose", code=code, clause=clause)
            query = {"hotlist": intake.now.list_id, "import": intake.now.id, "rows": rows}
            refused = intake.here.recorder.refusal
            asked = f"import {intake.now.id}"
            by, place = intake.by, intake.place
            tx.emit(await refused(by, Action.HOTLIST_EDIT, error, asked, place, use=intake.use, query=query))


def _counted(before: Import, reported: Sequence[Reported]) -> Import:
    """The import with these rows counted."""
    outcomes = [row.outcome for row in reported]
    unclear = any(row.outcome == "refused" and row.code not in UNDERSTOOD for row in reported)
    return replace(
        before,
        rows=before.rows + len(reported),
        added=before.added + outcomes.count("added"),
        changed=before.changed + outcomes.count("changed"),
        unchanged=before.unchanged + outcomes.count("unchanged"),
        refused=before.refused + outcomes.count("refused"),
        removal_withheld=before.removal_withheld or (before.mode == "replace" and unclear),
    )


async def _write(tx: Tx, intake: Intake, added: Sequence[Entry], gone: Sequence[Entry]) -> None:
    """Change the list, once; nothing when there is nothing to change."""
    if not added and not gone:
        return
    here, asked = intake.here, intake.now
    version = await storage.change(tx, asked.list_id, here.clock())
    await storage.remove_entries(tx, [entry.id for entry in gone], version, asked.started_by, here.clock())
    await storage.add_entries(tx, added)
    plates = {"listed": [entry.plate for entry in added], "unlisted": [entry.plate for entry in gone]}
    query = {"hotlist": asked.list_id, "import": asked.id, **plates}
    concerned = [entry.id for entry in (*added, *gone)]
    tx.emit(
        HotlistChanged(agency_id=asked.agency_id, list_id=asked.list_id, version=version),
        await here.recorder.plate_data(
            intake.by, Action.HOTLIST_EDIT, intake.use, query, Result(count=len(concerned), ids=concerned), intake.place
        ),
    )
