"""Taking in frames and reads: nothing is acknowledged that is not durable, and nothing is kept that is refused."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
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
    and version are one. Raises Invalid
    `no_read_accepted` with the results when none was, and Unavailable when store or bus cannot take them; sending them
    again is then safe.
    """
    with here.intake.call():
        sender = here.register.sender(who)
        here.intake.demand_room(here.intake.waiting_reads)
        decode = await _arrived(here, read)
        received_at = here.clock()
        judged = await here.aside(lambda: [_judge(here, sender, item, received_at) for item in decode()])
        judged = await _numbered(here, sender, judged)
        results = [item if isinstance(item, ReadResult) else item.result for item in judged]
        taken: dict[tuple[ReadId, int], JudgedRead] = {}
        for item in judged:
            if isinstance(item, JudgedRead):
                taken.setdefault((item.id, item.version), item)
        here.intake.refused.update(result.code for result in results if result.code)
        if not any(result.accepted for result in results):
            raise Invalid(
                "no read was accepted", code="no_read_accepted", results=[result.as_json() for result in results]
            )
        reads = await _with_crops(here, sender, taken.values(), received_at)
        events = _by_camera(sender, reads)
        if events:
            await here.foundation.bus.publish(events, source=NAME)
        here.intake.took_reads(len(reads), len(events))
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


async def _numbered(
    here: IngestRoom, sender: Sender, judged: Sequence[JudgedRead | ReadResult]
) -> list[JudgedRead | ReadResult]:
    """The reads that name their pass as versions of its read; what is superseded is only answered, and counted.

    Kept before anything is published, so that a call that is sent again has the same versions.
    """
    ids, device, superseded = here.foundation.ids, sender.device, 0
    names = {name for item in judged if isinstance(item, JudgedRead) and (name := passes.named(item))}
    if not names:
        return list(judged)
    numbered: list[JudgedRead | ReadResult] = []
    changed: dict[ReadId, passes.EdgePass] = {}
    async with here.db.tx() as tx:
        await tx.lock(storage.PASSES)
        known = await storage.passes(tx, device.device_id, names)
        for item in judged:
            if isinstance(item, ReadResult) or (name := passes.named(item)) is None:
                numbered.append(item)
                continue
            found = passes.find(list(known.values()), item, name)
            one = found or passes.begun(ids, device.agency_id, device.device_id, name, item.sighting.captured_at)
            changed[one.read_id], version = passes.counted(one, item, ids)
            known[one.read_id] = changed[one.read_id]
            superseded += version is None
            read = structs.replace(item, id=one.read_id, version=version or 0)
            numbered.append(read if version else read.result)
        await storage.keep_passes(tx, changed.values(), here.clock())
        await storage.forget_passes(tx, here.clock() - PASS_KEPT)
    here.intake.superseded += superseded
    return numbered


async def _with_crops(
    here: IngestRoom, sender: Sender, taken: Iterable[JudgedRead], received_at: datetime
) -> list[PlateRead]:
    at_once = asyncio.Semaphore(CROPS_AT_ONCE)

    async def keep(judged: JudgedRead, crop: Picture) -> ImageReference:
        # The picture's own digest in the name: another crop under the same read id must not be taken for this one.
        async with at_once:
            return await _keep(here, sender, crop, received_at, "crop", f"{judged.id}-{crop.sha256[:16]}")

    reads, age = list(taken), _live_alert_max_age(here, sender)
    with_crop = {(judged.id, judged.version): keep(judged, judged.crop) for judged in reads if judged.crop is not None}
    kept = dict(zip(with_crop, await asyncio.gather(*with_crop.values()), strict=True))
    return [
        domain.edge_read(
            judged,
            sender.device,
            received_at=received_at,
            live_until=judged.sighting.captured_at + age,
            crop=kept.get((judged.id, judged.version)),
        )
        for judged in reads
    ]


def _by_camera(sender: Sender, reads: Iterable[PlateRead]) -> list[PlatesRead]:
    """Events of one camera's reads each, in the order in which they were captured."""
    cameras: dict[str, list[PlateRead]] = {}
    for read in sorted(reads, key=lambda read: read.captured_at):
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
