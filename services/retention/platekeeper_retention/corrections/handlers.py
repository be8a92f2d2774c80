"""What is done with corrections: made, counted, given away. Each leaves its access record before the answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from platekeeper_common import ids, uses, watermark
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Invalid
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_retention import corrected, correction_storage, handlers
from platekeeper_retention.corrected import Correction, Said
from platekeeper_retention.corrections import domain, storage, training_set
from platekeeper_retention.corrections.domain import Day, Eye, Tally, Window
from platekeeper_retention.corrections.training_set import Given
from platekeeper_retention.domain import KeptRead
from platekeeper_retention.figures import CORRECTIONS
from platekeeper_retention.handlers import Access
from platekeeper_retention.policy import CorrectionsPolicy
from platekeeper_retention.room import RetentionRoom

COUNT_SECONDS = 60.0
"""How long counting may take: it is no search, and goes through every read of its days."""


async def correct(
    tx: Tx, here: RetentionRoom, read_id: str, found: Said, access: Access, *, version: int | None
) -> tuple[KeptRead, bool]:
    """The read with what the officer found beside it, and whether that is new: what stands already changes nothing.

    `version`: which one the officer saw; None: the last. Raises Invalid for what the use lacks, NotFound
    `read_unknown`, Conflict `read_changed` or `nothing_to_correct`.
    """
    kept = await handlers.get(tx, here, Action.READ_CORRECT, read_id, access)
    corrected.demand_seen(kept.read, version)
    month = await correction_storage.month_of(tx, kept.read)
    await here.reach_beside(access.by.agency_id, month)
    await tx.lock(f"corrections of {read_id}")
    before = await correction_storage.of_read(tx, access.by.agency_id, read_id)
    standing = before[-1] if before else None
    verdict = corrected.judge(kept.read, standing, found)
    if verdict is None and standing is not None:
        made, said = standing, before
    else:
        assert verdict is not None  # noqa: S101 - None only beside what stands
        made = Correction(
            id=ids.new(),
            number=standing.number + 1 if standing else 1,
            read_version=kept.read.version,
            was=kept.read.plate,
            verdict=verdict,
            plate=found.plate,
            state=found.state,
            made_by=access.by.subject,
            made_by_name=access.by.name,
            made_at=here.clock(),
        )
        said = (*before, made)
        await _keep(tx, here, kept.read, month, made)
    elements = corrected.elements(kept.read, made)
    await handlers.record(tx, here, Action.READ_CORRECT, access, elements, [read_id])
    return msgspec.structs.replace(kept, corrections=said), made is not standing


async def accuracy(
    tx: Tx, here: RetentionRoom, first: date | None, last: date | None, *, by: Caller, place: Place
) -> tuple[Sequence[Day], Mapping[Eye, Mapping[Day, Tally]]]:
    """The days asked for, and what each camera and model read on them. Raises Invalid `period_invalid`, Busy."""
    zone = ZoneInfo(here.foundation.policies.agency(by.agency_id).time_zone)
    days = domain.days(first, last, zone, here.clock())
    await here.reach(by.agency_id)
    found = await storage.tallies(tx, by.agency_id, days, COUNT_SECONDS)
    tx.emit(here.recorder.administration(by, Action.ACCURACY_VIEW, "accuracy", by.agency_id, place))
    return days, found


async def begin_export(tx: Tx, here: RetentionRoom, made: Window, access: Access) -> Given:
    """What is given away as training data, as the policy allows; recorded before its first byte.

    Raises Invalid for what the use lacks or `export_too_large`, Refused `training_export_not_allowed` (A2).
    """
    by, use, at_most = access.by, access.use, here.settings.export_at_most
    uses.demand(here, by, Action.CORRECTIONS_EXPORT, use)
    here.foundation.policies.of(by.agency_id).section(CorrectionsPolicy).demand_training_export(use.purpose)
    await here.reach(by.agency_id)
    seconds = here.foundation.settings.query_seconds
    found = await storage.to_give(tx, by.agency_id, made, at_most + 1, seconds)
    if len(found) > at_most:
        detail = f"more than {at_most} corrections: name a shorter time in which they were made (from, to)"
        raise Invalid(detail, code="export_too_large")
    window = {"from": made.start and made.start.isoformat(), "to": made.end and made.end.isoformat()}
    elements = {"export": "training data", **{name: moment for name, moment in window.items() if moment}}
    now = here.clock()
    examples, left_out = training_set.choose(found, now)
    ids_given = [one.kept.read.id for one in examples]
    await handlers.record(tx, here, Action.CORRECTIONS_EXPORT, access, elements, ids_given)
    return Given(
        examples=examples,
        left_out=left_out,
        agency=here.foundation.policies.agency(by.agency_id).name,
        mark=watermark.text(by, here.clock),
        purpose=use.purpose,
        record_id=tx.record_ids[-1],
        now=now,
    )


def export(here: RetentionRoom, given: Given) -> AsyncIterator[bytes]:
    """The archive, piece by piece, after the record was committed. Raises Unavailable."""
    return training_set.pack(given, here.foundation.objects.get)


async def _keep(tx: Tx, here: RetentionRoom, read: PlateRead, month: date, made: Correction) -> None:
    await correction_storage.add(tx, read, month, made)
    if not await handlers.look_at(tx, here, read, month):
        await correction_storage.move_look(tx, read, month)
    tx.emit(
        ReadCorrected(
            agency_id=read.agency_id,
            id=made.id,
            number=made.number,
            read=read,
            verdict=made.verdict,
            plate=made.plate,
            state=made.state,
            corrected_by_name=made.made_by_name,
            corrected_at=made.made_at,
        )
    )

    async def count() -> None:
        here.meter.count(CORRECTIONS, verdict=made.verdict, source=read.source)

    tx.after_commit(count)
