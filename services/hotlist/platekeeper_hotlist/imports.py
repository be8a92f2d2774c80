"""Files taken into a hot list, in batches of rows, each with its own transaction, access record and list version.

The write lock is never held while more of the file is waited for. What is committed stays when the upload breaks off or
the process dies; giving the file again completes it, because a row that the list says already changes nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from anyio import CancelScope
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from platekeeper_common import ids, uses
from platekeeper_common.access import Place, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Invalid, PlatekeeperError, TooLarge, TooSlow
from platekeeper_common.ids import ListId
from platekeeper_common.wording import refuse_prohibited
from platekeeper_hotlist import domain, import_batches, import_storage, storage
from platekeeper_hotlist.csv_file import CsvFile, Row, Unreadable
from platekeeper_hotlist.import_batches import BATCH, Intake
from platekeeper_hotlist.import_rules import GIVEN_UP_AFTER, Import, Mode, Outcome
from platekeeper_hotlist.room import HotlistRoom

PIECE = 16_384
"""Bytes that are taken apart at once; other requests are answered in between."""
QUIET_SECONDS = 5.0
"""Rows of a slow upload are settled after so long though they fill no batch."""
MOST_SHOWN = 20
"""Imports that a list shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a file is to be taken; category, reason and incident stand for what a row leaves out."""

    mode: Mode
    category: str
    reason: str | None
    incident: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Which spans of a report: those of an outcome, or all, behind the row `after`."""

    outcome: Outcome | None
    after: int
    limit: int


async def open_import(
    tx: Tx, here: HotlistRoom, by: Caller, list_id: ListId, asked: Asked, use: Use, place: Place
) -> Intake:
    """Begin an import for a list of the caller's agency.

    Raises Invalid (A1, A8, `category_unknown`), Refused as `refuse_prohibited` (A4, J4), NotFound.
    """
    uses.demand(here, by, Action.HOTLIST_EDIT, use)
    refuse_prohibited(None, (asked.category, asked.reason, asked.incident))
    domain.demand_category(asked.category)
    on = await storage.one_list(tx, by.agency_id, list_id)
    refuse_prohibited(None, (on.name, on.source_title))
    now = here.clock()
    opened = Import(
        id=ids.new(),
        agency_id=by.agency_id,
        list_id=list_id,
        mode=asked.mode,
        category=asked.category,
        reason=asked.reason or f"Listed by {on.source_title or on.name}",
        incident=asked.incident,
        state="running",
        started_by=by.username,
        started_at=now,
        heard_at=now,
    )
    await import_storage.add(tx, opened)
    query = {"hotlist": list_id, "import": opened.id, "mode": asked.mode}
    tx.emit(
        await here.recorder.plate_data(by, Action.HOTLIST_EDIT, use, query, Result(count=0, ids=[opened.id]), place)
    )
    return Intake(here=here, by=by, use=use, place=place, now=opened)


async def take(intake: Intake, upload: AsyncGenerator[bytes, None]) -> Import:
    """Take the file row by row; the import as it ended, in force here.

    Raises Invalid `header_unknown`, `encoding_unknown` or `upload_broke_off`, Refused `immigration_refused` (J4),
    TooLarge, TooSlow, Busy; each with `import_id`, for the rows before it are settled and reported.
    """
    try:
        await _forget_left_over(intake)
        await _take_rows(intake, upload)
        await _finish(intake)
    except PlatekeeperError as error:
        await _stop(intake, error.code, error.detail)
        error.extra["import_id"] = intake.now.id
        raise
    except BaseException:
        await _stop(intake, "interrupted", "the platform stopped, or something failed in it")
        raise
    # It has ended well: what cannot be forgotten now is forgotten by the next import.
    with suppress(Unavailable):
        await _forget(intake, intake.now.id)
    await intake.here.in_force.confirm()
    return intake.now


async def imports(tx: Tx, here: HotlistRoom, by: Caller, list_id: ListId, place: Place) -> list[Import]:
    """The last twenty imports for a list, newest first. Raises NotFound."""
    on = await storage.one_list(tx, by.agency_id, list_id)
    found = await import_storage.newest(tx, on.id, MOST_SHOWN)
    tx.emit(here.recorder.administration(by, Action.HOTLIST_VIEW, "hotlist_imports", list_id, place))
    return [each.at(here.clock()) for each in found]


async def one_import(tx: Tx, here: HotlistRoom, by: Caller, list_id: ListId, import_id: str, place: Place) -> Import:
    """One import as it stands now. Raises NotFound."""
    found = await import_storage.one(tx, by.agency_id, list_id, import_id)
    tx.emit(here.recorder.administration(by, Action.HOTLIST_VIEW, "hotlist_import", import_id, place))
    return found.at(here.clock())


async def report(
    tx: Tx, here: HotlistRoom, by: Caller, of: tuple[ListId, str], wanted: Page, place: Place
) -> Sequence[Any]:
    """Spans of the import's rows, in order; they name no plate. Raises NotFound."""
    await one_import(tx, here, by, *of, place)
    return await import_storage.spans(tx, of[1], wanted.outcome, wanted.after, wanted.limit)


async def _take_rows(intake: Intake, upload: AsyncGenerator[bytes, None]) -> None:
    file, waiting = CsvFile(), list[Row | Unreadable]()
    loop = asyncio.get_running_loop()
    settled_at = loop.time()
    async for data in _pieces(upload, intake.here.settings.import_patience):
        first = not file.header_texts
        waiting += file.take(data)
        if first:
            refuse_prohibited(None, (*file.header_texts,))
        while len(waiting) >= BATCH or (waiting and loop.time() - settled_at > QUIET_SECONDS):
            await import_batches.settle(intake, waiting[:BATCH])
            del waiting[:BATCH]
            settled_at = loop.time()
        await asyncio.sleep(0)
    waiting += file.end()
    refuse_prohibited(None, (*file.header_texts,))
    for start in range(0, len(waiting), BATCH):
        await import_batches.settle(intake, waiting[start : start + BATCH])


async def _pieces(upload: AsyncGenerator[bytes, None], patience: float) -> AsyncIterator[bytes]:
    """The file in pieces that are quickly dealt with."""
    while True:
        try:
            async with asyncio.timeout(patience):
                data = await anext(upload)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise TooSlow(f"nothing more of the file came within {patience:g} s", code="upload_broke_off") from error
        except ClientDisconnect as error:
            raise Invalid("the upload broke off", code="upload_broke_off") from error
        except HTTPException as error:
            if error.status_code == TooLarge.status:
                raise TooLarge(error.detail) from error
            raise
        for start in range(0, len(data), PIECE):
            yield data[start : start + PIECE]


async def _finish(intake: Intake) -> None:
    """Take off what a `replace` did not say, unless a refused row may have or there was no row; then it is over."""
    if intake.now.mode == "replace" and not intake.now.rows:
        intake.now = replace(intake.now, removal_withheld=True)
    if intake.now.mode == "replace" and not intake.now.removal_withheld:
        after = ""
        while unsaid := await import_batches.take_off(intake, after):
            after = unsaid[-1].id
    async with import_batches.unit(intake) as tx:
        over = replace(intake.now, state="finished", heard_at=intake.here.clock())
        await import_storage.keep_running(tx, over)
        if over.mode == "replace" and not over.removal_withheld:
            await storage.confirm_list(tx, over.list_id, over.started_at)
        query = {"hotlist": over.list_id, "import": over.id, "finished": over.mode}
        count = over.added + over.changed + over.removed
        record = intake.here.recorder.plate_data
        tx.emit(
            await record(
                intake.by, Action.HOTLIST_EDIT, intake.use, query, Result(count=count, ids=[over.id]), intake.place
            )
        )
    intake.now = over


async def _stop(intake: Intake, code: str, detail: str) -> None:
    """Say that the import is over before its end. What cannot be said now is told later by its silence."""
    with CancelScope(shield=True):
        stopped = replace(intake.now, state="stopped", code=code, detail=detail, heard_at=intake.here.clock())
        try:
            async with intake.here.db.tx() as tx:
                await import_storage.keep(tx, stopped)
        except Unavailable:
            return
        intake.now = stopped


async def _forget_left_over(intake: Intake) -> None:
    async with intake.here.db.tx() as tx:
        await import_storage.give_up(tx, intake.now.list_id, intake.here.clock() - GIVEN_UP_AFTER)
        left = await import_storage.left_over(tx, intake.now.list_id)
    for import_id in left:
        await _forget(intake, import_id)


async def _forget(intake: Intake, import_id: str) -> None:
    more = True
    while more:
        async with intake.here.db.tx() as tx:
            more = await import_storage.forget_said(tx, import_id)
