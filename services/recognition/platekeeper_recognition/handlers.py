"""Reads frames: from the picture in the object store to reads on the bus and crops in the object store."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import groupby
from typing import TypeVar

from platekeeper_common.bus.contract import Reject
from platekeeper_common.errors import Gone
from platekeeper_common.events.ingest import FrameCaptured, ImageReference
from platekeeper_common.events.recognition import MAX_READS, Model, PlateRead, PlatesRead
from platekeeper_common.ids import FrameId, ReadId
from platekeeper_recognition import pictures, reading, storage
from platekeeper_recognition.domain import Expectation, Plate
from platekeeper_recognition.engines.protocol import Engine, Picture
from platekeeper_recognition.figures import FRAME_SECONDS
from platekeeper_recognition.passes import Frame, Told, Watch
from platekeeper_recognition.reading import PlateAndCrop
from platekeeper_recognition.room import NAME, RecognitionRoom, Tally
from platekeeper_recognition.storage import Revisions

_CROP_TYPE = "image/jpeg"
Answer = TypeVar("Answer")
_TIME_BEGINS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A frame's picture, and how long it took to decode."""

    picture: Picture
    seconds: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one batch of frames shows, which engine says so, and how long it took."""

    model: Model
    plates: list[list[PlateAndCrop]]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Call:
    """What is known of the frames that are in hand together."""

    watch: Watch
    revisions: Revisions
    blank: set[FrameId]
    """Those that were looked at and show no plate."""

    def new(self, frames: Sequence[FrameCaptured]) -> list[FrameCaptured]:
        """Those that were not looked at yet, each once."""
        unseen = {frame.id: frame for frame in frames if frame.id not in self.blank}
        return [frame for frame in unseen.values() if self.watch.again(_frame(frame)) is None]


async def read_frames(here: RecognitionRoom, frames: Sequence[FrameCaptured]) -> None:
    """Read the frames, count each plate to its pass, publish what is new; durable on return and safe to run twice.

    A frame without a plate is counted and gives no read. Raises Reject for a frame that can never be read, Unavailable
    while the object store, the bus, the database or the engine is away; then all come again, so none is counted yet.
    """
    counted = Tally()
    here.blank = here.blank & {frame.id for frame in frames}
    call = _Call(*await _watch(here, frames), here.blank)
    async with aclosing(_batches(here, call, frames)) as batches:
        async for batch, shown in batches:
            counted.add(await _read_batch(here, call, batch, shown))
    counted.frames_without_plate = len(call.blank)
    here.tally.add(counted)


async def _batches(
    here: RecognitionRoom, call: _Call, frames: Sequence[FrameCaptured]
) -> AsyncGenerator[tuple[Sequence[FrameCaptured], dict[FrameId, _Shown]], None]:
    """The frames, a batch at a time, each with what its new ones show: fetched while the one before it is read."""
    size = here.settings.batch
    first, *others = [*(frames[place : place + size] for place in range(0, len(frames), size)), ()]
    batch, coming = first, asyncio.create_task(_fetch(here, call.new(first)))
    try:
        for following in others:
            shown = await coming
            coming = asyncio.create_task(_fetch(here, call.new(following)))
            yield batch, shown
            batch = following
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _read_batch(
    here: RecognitionRoom, call: _Call, batch: Sequence[FrameCaptured], shown: Mapping[FrameId, _Shown]
) -> Tally:
    """Passes are kept before their reads are published: frames that come again are known and told in the same words."""
    again = [read for frame in batch for read in call.watch.again(_frame(frame)) or ()]
    told = {(read.id, read.version): read for read in again}
    new = call.new(batch)
    seen = await _look(here, [shown[frame.id] for frame in new])
    call.blank.update(frame.id for frame, plates in zip(new, seen.plates, strict=True) if not plates)
    better = [
        _keep(here, frame, plates[version.found], version, seen.model)
        for frame, plates in zip(new, seen.plates, strict=True)
        for version in call.watch.see(_frame(frame), [found.plate for found in plates], partial(_read_id, here, frame))
    ]
    for read in await _all(better):
        call.watch.tell(read)
        told[read.id, read.version] = read
    if changed := call.watch.take_changed():
        async with here.db.tx() as tx:
            kept = await storage.keep_passes(tx, changed, call.revisions, here.clock())
        call.revisions.update(kept)
    if told:
        await here.foundation.bus.publish(_events(list(told.values())), source=NAME)
    first = sum(version == 1 for _, version in told)
    return Tally(len(batch), first, len(told) - first)


async def _watch(here: RecognitionRoom, frames: Sequence[FrameCaptured]) -> tuple[Watch, Revisions]:
    """The passes to which the frames may belong, or were counted already."""
    gap = here.reach.gap
    moments = {(frame.agency_id, frame.camera_id, frame.captured_at): None for frame in frames}
    stretches = [(agency, camera, max(at, _TIME_BEGINS + gap) - gap, at + gap) for agency, camera, at in moments]
    async with here.db.tx() as tx:
        known, revisions = await storage.passes(tx, stretches)
    return Watch(known, here.reach), revisions


async def _look(here: RecognitionRoom, frames: Sequence[_Shown]) -> _Seen:
    seen = await here.desk.work(partial(_see, frames=[shown.picture for shown in frames], expect=here.expectation))
    for shown in frames:
        here.meter.time(FRAME_SECONDS, shown.seconds + seen.seconds / len(frames))
    return seen


async def _fetch(here: RecognitionRoom, frames: Sequence[FrameCaptured]) -> dict[FrameId, _Shown]:
    shown = await _all(_picture(here, frame) for frame in frames)
    return {frame.id: one for frame, one in zip(frames, shown, strict=True)}


async def _picture(here: RecognitionRoom, frame: FrameCaptured) -> _Shown:
    try:
        data = await here.foundation.objects.get(frame.image)
        return await here.desk.beside(partial(_decode, data, here.settings.max_pixels))
    except Gone as error:
        raise Reject(frame, f"{error.code}: the picture was destroyed before it was read") from error
    except pictures.Undecodable as error:
        raise Reject(frame, str(error)) from error
    except ValueError as error:
        raise Reject(frame, "image_altered: the object is not the picture that was kept") from error


def _decode(data: bytes, max_pixels: int) -> _Shown:
    began = time.perf_counter()
    picture = pictures.decode(data, max_pixels=max_pixels)
    return _Shown(picture, time.perf_counter() - began)


async def _all(acts: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """What each answers, side by side. Raises what the first of those that failed raised, when all have ended."""
    answers = await asyncio.gather(*acts, return_exceptions=True)
    found = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        found.append(answer)
    return found


def _see(engine: Engine, *, frames: Sequence[Picture], expect: Expectation) -> _Seen:
    began = time.perf_counter()
    plates = reading.read_and_cut(engine, frames, expect)
    return _Seen(engine.model, plates, time.perf_counter() - began)


def _frame(frame: FrameCaptured) -> Frame:
    return Frame(frame.id, frame.agency_id, frame.camera_id, frame.captured_at)


def _read_id(here: RecognitionRoom, frame: FrameCaptured, plate: Plate) -> ReadId:
    """Of a pass that begins with this plate of this frame."""
    return ReadId(here.foundation.ids.derive("read", frame.id, plate.number))


async def _keep(
    here: RecognitionRoom, frame: FrameCaptured, found: PlateAndCrop, told: Told, model: Model
) -> PlateRead:
    """Store the crop and answer the read. The crop's name holds its digest: another model may cut another crop."""
    crop = await here.foundation.objects.put(
        found.crop,
        agency_id=frame.agency_id,
        received_on=frame.received_at.date(),
        kind="crop",
        name=f"{told.read_id}-{sha256(found.crop).hexdigest()[:16]}",
        media_type=_CROP_TYPE,
    )
    return _read(frame, found, told, model, crop)


def _read(frame: FrameCaptured, found: PlateAndCrop, told: Told, model: Model, crop: ImageReference) -> PlateRead:
    """The read as all votes of its pass say it, with picture, place and moment of this frame."""
    best, region = told.candidates[0], found.plate.region
    return PlateRead(
        id=told.read_id,
        agency_id=frame.agency_id,
        camera_id=frame.camera_id,
        device_id=frame.device_id,
        plate=best.plate,
        confidence=best.confidence,
        captured_at=frame.captured_at,
        received_at=frame.received_at,
        live_until=frame.live_until,
        source="recognition",
        model=model,
        version=told.version,
        frames=told.frames,
        frame_id=frame.id,
        country=region.country if region else None,
        state=region.state if region else None,
        region_confidence=region.confidence if region else None,
        candidates=told.candidates,
        box=found.plate.box,
        position=frame.position,
        heading=frame.heading,
        lane=frame.lane,
        image=frame.image,
        crop=crop,
        crop_box=found.place,
    )


def _events(reads: Sequence[PlateRead]) -> list[PlatesRead]:
    """The reads of each camera in their order, MAX_READS an event."""
    events = []
    by_camera = sorted(reads, key=lambda read: (read.agency_id, read.camera_id))
    for (agency_id, camera_id), group in groupby(by_camera, key=lambda read: (read.agency_id, read.camera_id)):
        of_camera = tuple(group)
        events += [
            PlatesRead(agency_id=agency_id, camera_id=camera_id, reads=of_camera[first : first + MAX_READS])
            for first in range(0, len(of_camera), MAX_READS)
        ]
    return events
