"""Reads frames: from the picture in the object store to reads on the bus and crops in the object store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import groupby

from platekeeper_common.bus.contract import Reject
from platekeeper_common.errors import Gone
from platekeeper_common.events.ingest import FrameCaptured, ImageReference
from platekeeper_common.events.recognition import MAX_READS, Model, PlateRead, PlatesRead
from platekeeper_common.ids import ReadId
from platekeeper_recognition import pictures, reading
from platekeeper_recognition.domain import Expectation
from platekeeper_recognition.engines.protocol import Engine, Picture
from platekeeper_recognition.figures import FRAME_SECONDS
from platekeeper_recognition.reading import PlateAndCrop
from platekeeper_recognition.room import NAME, RecognitionRoom, Tally

_CROP_TYPE = "image/jpeg"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one batch of frames shows, which engine says so, and how long it took."""

    model: Model
    plates: list[list[PlateAndCrop]]
    seconds: float


async def read_frames(here: RecognitionRoom, frames: Sequence[FrameCaptured]) -> None:
    """Read the frames, keep a crop of each plate, publish the reads; durable on return and safe to run twice.

    A frame without a plate is counted and gives no read. Raises Reject for a frame that can never be read, Unavailable
    while the object store, the bus or the engine is away; then all come again, so none is counted yet.
    """
    counted = Tally()
    for first in range(0, len(frames), here.settings.batch):
        batch = frames[first : first + here.settings.batch]
        decoded = [await _picture(here, frame) for frame in batch]
        seen = await here.desk.work(partial(_see, frames=decoded, expect=here.expectation))
        for _ in batch:
            here.meter.time(FRAME_SECONDS, seen.seconds / len(batch))
        reads = [
            await _keep(here, frame, found, seen.model)
            for frame, plates in zip(batch, seen.plates, strict=True)
            for found in plates
        ]
        if reads:
            await here.foundation.bus.publish(_events(reads), source=NAME)
        counted.frames += len(batch)
        counted.plates += len(reads)
        counted.frames_without_plate += sum(not plates for plates in seen.plates)
    here.tally.add(counted)


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


def _see(engine: Engine, *, frames: Sequence[Picture], expect: Expectation) -> _Seen:
    began = time.perf_counter()
    plates = reading.read_and_cut(engine, frames, expect)
    return _Seen(engine.model, plates, time.perf_counter() - began)


async def _keep(here: RecognitionRoom, frame: FrameCaptured, found: PlateAndCrop, model: Model) -> PlateRead:
    """Store the crop and answer the read. The crop's name holds its digest: another model may cut another crop."""
    read_id = ReadId(here.foundation.ids.derive("read", frame.id, found.plate.number))
    crop = await here.foundation.objects.put(
        found.crop,
        agency_id=frame.agency_id,
        received_on=frame.received_at.date(),
        kind="crop",
        name=f"{read_id}-{sha256(found.crop).hexdigest()[:16]}",
        media_type=_CROP_TYPE,
    )
    return _read(frame, read_id, found, model, crop)


def _read(frame: FrameCaptured, read_id: ReadId, found: PlateAndCrop, model: Model, crop: ImageReference) -> PlateRead:
    best, region = found.plate.candidates[0], found.plate.region
    return PlateRead(
        id=read_id,
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
        frame_id=frame.id,
        country=region.country if region else None,
        state=region.state if region else None,
        region_confidence=region.confidence if region else None,
        candidates=found.plate.candidates,
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
