"""Reads frames: from the picture in the object store to reads on the bus and crops in the object store."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
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
class _Seen:
    """What one batch of frames shows, which engine says so, and how long it took."""

    model: Model
    plates: list[list[PlateAndCrop]]
    seconds: float


async def read_frames(here: RecognitionRoom, frames: Sequence[FrameCaptured]) -> None:
    """Read the frames, count each plate to its pass, publish what is new; durable on return and safe to run twice.

    A frame without a plate is counted and gives no read. Raises Reject for a frame that can never be read, Unavailable
    while the object store, the bus, the database or the engine is away; then all come again, so none is counted yet.
    """
    counted = Tally()
    blank = here.blank = here.blank & {frame.id for frame in frames}
    for first in range(0, len(frames), here.settings.batch):
        counted.add(await _read_batch(here, frames[first : first + here.settings.batch], blank))
    counted.frames_without_plate = len(blank)
    here.tally.add(counted)


async def _read_batch(here: RecognitionRoom, batch: Sequence[FrameCaptured], blank: set[FrameId]) -> Tally:
    """Passes are kept before their reads are published: frames that come again are known and told in the same words.

    Those in `blank` show no plate and are not read again; others that show none are added.
    """
    watch, revisions = await _watch(here, batch)
    told: dict[tuple[ReadId, int], PlateRead] = {}
    new: dict[FrameId, FrameCaptured] = {}
    for frame in batch:
        if (again := watch.again(_frame(frame))) is not None:
            told |= {(read.id, read.version): read for read in again}
        elif frame.id not in blank:
            new[frame.id] = frame
    seen = await _look(here, list(new.values()))
    blank.update(frame_id for frame_id, plates in zip(new, seen.plates, strict=True) if not plates)
    better = [
        _keep(here, frame, plates[version.found], version, seen.model)
        for frame, plates in zip(new.values(), seen.plates, strict=True)
        for version in watch.see(_frame(frame), [found.plate for found in plates], partial(_read_id, here, frame))
    ]
    for read in await _all(better):
        watch.tell(read)
        told[read.id, read.version] = read
    if watch.changed:
        async with here.db.tx() as tx:
            await storage.keep_passes(tx, watch.changed, revisions, here.clock())
    if told:
        await here.foundation.bus.publish(_events(list(told.values())), source=NAME)
    first = sum(version == 1 for _, version in told)
    return Tally(len(batch), first, len(told) - first)


async def _watch(here: RecognitionRoom, batch: Sequence[FrameCaptured]) -> tuple[Watch, Revisions]:
    """The passes to which the frames may belong, or were counted already."""
    gap = here.reach.gap
    moments = {(frame.agency_id, frame.camera_id, frame.captured_at): None for frame in batch}
    stretches = [(agency, camera, max(at, _TIME_BEGINS + gap) - gap, at + gap) for agency, camera, at in moments]
    async with here.db.tx() as tx:
        known, revisions = await storage.passes(tx, stretches)
    return Watch(known, here.reach), revisions


async def _look(here: RecognitionRoom, frames: Sequence[FrameCaptured]) -> _Seen:
    decoded = await _all(_picture(here, frame) for frame in frames)
    seen = await here.desk.work(partial(_see, frames=decoded, expect=here.expectation))
    for _ in frames:
        here.meter.time(FRAME_SECONDS, seen.seconds / len(frames))
    return seen


async def _picture(here: RecognitionRoom, frame: FrameCaptured) -> Picture:
    try:
        data = await here.foundation.objects.get(frame.image)
        return await here.desk.work(lambda _engine: pictures.decode(data, max_pixels=here.settings.max_pixels))
    except Gone as error:
        raise Reject(frame, f"{error.code}: the picture was destroyed before it was read") from error
    except pictures.Undecodable as error:
        raise Reject(frame, str(error)) from error
    except ValueError as error:
        raise Reject(frame, "image_altered: the object is not the picture that was kept") from error


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
