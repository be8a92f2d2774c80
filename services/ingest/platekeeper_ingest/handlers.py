"""Taking in frames and reads: nothing is acknowledged that is not durable, and nothing is kept that is refused."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import TypeVar

from msgspec import structs

from platekeeper_common import plates
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Invalid, PlatekeeperError, TooSlow
from platekeeper_common.events.ingest import FrameCaptured, ImageReference
from platekeeper_common.events.recognition import MAX_READS, PlateRead, PlatesRead
from platekeeper_common.ids import ReadId
from platekeeper_common.objects import ImageClass
from platekeeper_ingest import domain, passes, pictures, storage
from platekeeper_ingest.domain import JudgedRead, ReadResult, SentFrame, SentRead, Unreadable
from platekeeper_ingest.pictures import Picture
from platekeeper_ingest.policy import IngestPolicy
from platekeeper_ingest.register import Sender
from platekeeper_ingest.room import NAME, IngestRoom

CROPS_AT_ONCE = 16
"""Crops of one call that are on their way to the object store together."""
PASS_KEPT = timedelta(hours=1)
"""After a read was last counted to a pass; as long one that comes again is known."""
T = TypeVar("T")


async def take_frame(here: IngestRoom, who: Caller, read: Callable[[], Awaitable[SentFrame]]) -> FrameCaptured:
    """The frame, durable on the bus, its picture encrypted in the object store; the same frame again has the same id.

    `read` is awaited only when the device is known and there is room. Raises PlatekeeperError with nothing kept, and
    Unavailable when store or bus cannot take it; sending it again is then safe.
    """
    with here.intake.call():
        sender = here.register.sender(who)
        here.intake.demand_room(here.intake.waiting_frames)
        sent = await _arrived(here, read)
        received_at = here.clock()
        sighting = domain.judge(sent.sighting, sender.cameras, now=received_at, max_future=here.max_future)
        limits = here.settings
        picture = await here.aside(
            partial(pictures.look, sent.image, max_bytes=limits.max_image_bytes, max_pixels=limits.max_pixels)
        )
        frame_id = domain.frame_id(here.foundation.ids, sighting, sent.device_frame_id, picture.sha256)
        frame = FrameCaptured(
            agency_id=sender.device.agency_id,
            id=frame_id,
            device_id=sender.device.device_id,
            camera_id=sighting.camera_id,
            device_frame_id=sent.device_frame_id,
            captured_at=sighting.captured_at,
            received_at=received_at,
            live_until=sighting.captured_at + _live_alert_max_age(here, sender),
            image=await _keep(here, sender, picture, received_at, "image", frame_id),
            position=sighting.position,
            heading=sighting.heading,
            lane=sighting.lane,
        )
        await here.foundation.bus.publish([frame], source=NAME)
        here.intake.took_frame()
        return frame


async def take_reads(
    here: IngestRoom, who: Caller, read: Callable[[], Awaitable[Callable[[], Sequence[SentRead | Unreadable]]]]
) -> list[ReadResult]:
    """What became of each read, in the order of the call; the accepted ones are durable on the bus, their crops kept.

    `read` is awaited only when the device is known and there is room; it answers what decodes them. Two reads of one id
    and version are one. Raises Invalid `no_read_accepted` with the results when none was, and Unavailable when store,
    bus or, for passes, the database cannot take them; sending them again is then safe.
    """
    with here.intake.call():
        sender = here.register.sender(who)
        here.intake.demand_room(here.intake.waiting_reads)
        decode = await _arrived(here, read)
        received_at = here.clock()
        judged = await here.aside(lambda: [_judge(here, sender, item, received_at) for item in decode()])
        _demand_one(here, judged)
        judged = await _with_crops(here, sender, await _without_superseded(here, sender, judged), received_at)
        async with here.intake.turns.of(passes.names(judged)):
            results, taken = await _publish(here, sender, judged, received_at)
            await _remember(here, sender, taken)
        return results


async def _arrived(here: IngestRoom, read: Callable[[], Awaitable[T]]) -> T:
    """What `read` answers. Raises TooSlow when it takes longer than a body may take to arrive."""
    limit = here.settings.upload_seconds
    try:
        async with asyncio.timeout(limit):
            return await read()
    except TimeoutError as error:
        detail = f"the body did not arrive within {limit:g} seconds; send it again"
        raise TooSlow(detail, headers={"Connection": "close"}) from error


def _judge(
    here: IngestRoom, sender: Sender, item: SentRead | Unreadable, received_at: datetime
) -> JudgedRead | ReadResult:
    if isinstance(item, Unreadable):
        return ReadResult.refused(item.device_read_id, item.error)
    limits = here.settings
    try:
        sighting = domain.judge(item.sighting, sender.cameras, now=received_at, max_future=here.max_future)
        plate = plates.normalise(item.plate)
        domain.demand_pass(item)
        candidates = domain.candidates(plate, item.confidence, item.candidates)
        crop = item.crop and pictures.look(item.crop, max_bytes=limits.max_crop_bytes, max_pixels=limits.max_pixels)
    except PlatekeeperError as error:
        return ReadResult.refused(item.device_read_id, error)
    read_id = domain.read_id(here.foundation.ids, sender.device.device_id, item.device_read_id, sighting.captured_at)
    return JudgedRead(id=read_id, sent=item, sighting=sighting, plate=plate, candidates=candidates, crop=crop or None)


def _demand_one(here: IngestRoom, judged: Sequence[JudgedRead | ReadResult]) -> None:
    """Count what is refused. Raises Invalid `no_read_accepted` when that is all."""
    refused = [item for item in judged if isinstance(item, ReadResult)]
    here.intake.refused.update(result.code for result in refused if result.code)
    if len(refused) == len(judged):
        results = [result.as_json() for result in refused]
        raise Invalid("no read was accepted", code="no_read_accepted", results=results)


async def _without_superseded(
    here: IngestRoom, sender: Sender, judged: Sequence[JudgedRead | ReadResult]
) -> list[JudgedRead | ReadResult]:
    """The reads; where crops are sent for passes, what is superseded already as results: its crop is not kept."""
    names = passes.names(item for item in judged if isinstance(item, JudgedRead) and item.crop)
    if not names:
        return list(judged)
    async with here.db.tx() as tx:
        known = await storage.passes(tx, sender.device.device_id, names)
    looked = passes.without_superseded(known, judged, here.foundation.ids)
    here.intake.superseded += _results(looked) - _results(judged)
    return looked


async def _with_crops(
    here: IngestRoom, sender: Sender, judged: Sequence[JudgedRead | ReadResult], received_at: datetime
) -> list[JudgedRead | ReadResult]:
    """The reads with their crops in the object store: before they are numbered, so that a slow store holds up no other.

    A crop's name is of the device's own read, and holds the picture's digest: another crop under the same read id must
    not be taken for this one.
    """
    at_once = asyncio.Semaphore(CROPS_AT_ONCE)

    async def keep(name: str, crop: Picture) -> ImageReference:
        async with at_once:
            return await _keep(here, sender, crop, received_at, "crop", name)

    crops = dict(_crops(judged))
    keeping = [asyncio.create_task(keep(*one)) for one in crops.items()]
    try:
        kept = dict(zip(crops, await asyncio.gather(*keeping), strict=True))
    finally:
        for task in keeping:
            task.cancel()  # of a call that has failed nothing goes on behind its answer
    return [
        structs.replace(item, kept_crop=kept.get(_crop_name(item, item.crop)))
        if isinstance(item, JudgedRead) and item.crop
        else item
        for item in judged
    ]


def _crops(judged: Iterable[JudgedRead | ReadResult]) -> Iterator[tuple[str, Picture]]:
    """Each crop under its name; of reads of one id that name no pass, the first one's."""
    seen: set[ReadId] = set()
    for item in judged:
        if isinstance(item, ReadResult):
            continue
        if passes.named(item) is None:
            if item.id in seen:
                continue
            seen.add(item.id)
        if item.crop:
            yield _crop_name(item, item.crop), item.crop


def _crop_name(read: JudgedRead, crop: Picture) -> str:
    return f"{read.id}-{crop.sha256[:16]}"


async def _publish(
    here: IngestRoom, sender: Sender, judged: Sequence[JudgedRead | ReadResult], received_at: datetime
) -> tuple[list[ReadResult], list[JudgedRead]]:
    """What became of each read, and those that are on the bus."""
    numbered = await _numbered(here, sender, judged)
    taken: dict[tuple[ReadId, int], JudgedRead] = {}
    for item in numbered:
        if isinstance(item, JudgedRead):
            taken.setdefault((item.id, item.version), item)
    age = _live_alert_max_age(here, sender)
    events = _by_camera(
        sender,
        [
            domain.edge_read(read, sender.device, received_at=received_at, live_until=read.sighting.captured_at + age)
            for read in taken.values()
        ],
    )
    if events:
        await here.foundation.bus.publish(events, source=NAME)
    here.intake.took_reads(len(taken), len(events))
    results = [item if isinstance(item, ReadResult) else item.result for item in numbered]
    return results, list(taken.values())


async def _numbered(
    here: IngestRoom, sender: Sender, judged: Sequence[JudgedRead | ReadResult]
) -> list[JudgedRead | ReadResult]:
    """The reads that name their pass as versions of its read; what is superseded is only answered, and counted.

    Kept before anything is published, so that no two reads have one number, and a call that is sent again has the same.
    """
    names, device = passes.names(judged), sender.device
    if not names:
        return list(judged)
    async with here.db.tx() as tx:
        await tx.lock(storage.PASSES)
        known = await storage.passes(tx, device.device_id, names)
        numbered, kept = passes.number(known, judged, here.foundation.ids, device.agency_id, device.device_id)
        await storage.keep_passes(tx, kept, here.clock())
        await storage.forget_passes(tx, here.clock() - PASS_KEPT)
    here.intake.superseded += _results(numbered) - _results(judged)
    return numbered


async def _remember(here: IngestRoom, sender: Sender, taken: Sequence[JudgedRead]) -> None:
    """Keep with their passes what is on the bus now. Raises Unavailable: sent again they have the same versions."""
    names = passes.names(taken)
    if not names:
        return
    async with here.db.tx() as tx:
        await tx.lock(storage.PASSES)
        known = {one.read_id: one for one in await storage.passes(tx, sender.device.device_id, names)}
        told = [read for read in taken if read.id in known]
        for read in told:
            known[read.id] = passes.published(known[read.id], read, here.foundation.ids)
        await storage.keep_passes(tx, [known[read_id] for read_id in {read.id for read in told}], here.clock())


def _results(judged: Iterable[JudgedRead | ReadResult]) -> int:
    return sum(isinstance(item, ReadResult) for item in judged)


def _by_camera(sender: Sender, reads: Iterable[PlateRead]) -> list[PlatesRead]:
    """Events of one camera's reads each, by the time of capture, but no version of a read before an older one."""
    after: dict[ReadId, datetime] = {}
    placed: list[tuple[datetime, PlateRead]] = []
    for read in reads:
        after[read.id] = max(read.captured_at, after.get(read.id, read.captured_at))
        placed.append((after[read.id], read))
    cameras: dict[str, list[PlateRead]] = {}
    for _, read in sorted(placed, key=itemgetter(0)):
        cameras.setdefault(read.camera_id, []).append(read)
    return [
        PlatesRead(
            agency_id=sender.device.agency_id, camera_id=theirs[0].camera_id, reads=tuple(theirs[at : at + MAX_READS])
        )
        for theirs in cameras.values()
        for at in range(0, len(theirs), MAX_READS)
    ]


async def _keep(
    here: IngestRoom, sender: Sender, picture: Picture, received_at: datetime, kind: ImageClass, name: str
) -> ImageReference:
    return await here.foundation.objects.put(
        picture.data,
        agency_id=sender.device.agency_id,
        received_on=received_at.date(),
        kind=kind,
        name=name,
        media_type=picture.media_type,
    )


def _live_alert_max_age(here: IngestRoom, sender: Sender) -> timedelta:
    """A hit on what was captured so long ago is no live alert (E2)."""
    return here.foundation.policies.of(sender.device.agency_id).section(IngestPolicy).live_alert_max_age
