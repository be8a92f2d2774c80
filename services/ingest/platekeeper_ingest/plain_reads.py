"""Reads written as most devices write them, decoded in one step: reads come by the thousand.

`documents.EdgeRead` says what a read may be and what is wrong with one that may not. What is decoded here is a part of
that: wherever the two could differ (`_MOMENT`, a crop, a wrong field) there is no answer, and the document judges.
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from platekeeper_common.events import ingest, recognition
from platekeeper_common.ids import CameraId
from platekeeper_ingest.documents import EPOCH, MOST_LISTED_CANDIDATES
from platekeeper_ingest.domain import SentRead, Sighting

# Other forms that RFC 3339 allows, and fractions finer than a microsecond, are for the document to read.
_MOMENT = r"^(?a:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(\d{3})?)?(Z|[+-]\d\d:[0-5]\d))\Z"
_Reference = Annotated[str, Meta(min_length=1, max_length=128)]
_Name = Annotated[str, Meta(min_length=1, max_length=120)]
_Lane = Annotated[str, Meta(min_length=1, max_length=32)]
_Plate = Annotated[str, Meta(max_length=64)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Pixel = Annotated[int, Meta(ge=0, le=100_000)]
_Pixels = Annotated[int, Meta(ge=1, le=100_000)]


class _Position(Struct, forbid_unknown_fields=True, gc=False):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]


class _Candidate(Struct, forbid_unknown_fields=True, gc=False):
    plate: _Plate
    confidence: _Share


class _Box(Struct, forbid_unknown_fields=True, gc=False):
    x: _Pixel
    y: _Pixel
    width: _Pixels
    height: _Pixels


class _Model(Struct, forbid_unknown_fields=True, gc=False):
    name: _Name
    version: _Name
    checksum: Annotated[str, Meta(max_length=128)] = ""


class _Read(Struct, forbid_unknown_fields=True, gc=False):
    read_id: _Reference
    camera_id: _Reference
    plate: _Plate
    confidence: _Share
    captured_at: Annotated[str, Meta(pattern=_MOMENT)]
    position: _Position | None = None
    heading: Annotated[float, Meta(ge=0, lt=360)] | None = None
    lane: _Lane | None = None
    state: Annotated[str, Meta(pattern=r"^[A-Z]{2,3}\Z")] | None = None
    candidates: Annotated[list[_Candidate], Meta(max_length=MOST_LISTED_CANDIDATES)] = []
    box: _Box | None = None
    model: _Model | None = None
    crop: None = None
    pass_id: _Reference | None = None
    preview: bool = False


_decoder = msgspec.json.Decoder(_Read)


def read(item: bytes) -> SentRead | None:
    """The read, when it is plain and nothing is wrong with it; None: ask the document."""
    try:
        sent = _decoder.decode(item)
        captured_at = datetime.fromisoformat(sent.captured_at)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors, too
        return None
    model, lines = sent.model, (sent.read_id, sent.camera_id, sent.lane, sent.pass_id)
    if captured_at < EPOCH or not all(map(_one_line, filter(None, lines))):
        return None
    if model is not None and not (_one_line(model.name) and _one_line(model.version)):
        return None
    place, box = sent.position, sent.box
    return SentRead(
        device_read_id=sent.read_id,
        sighting=Sighting(
            camera_id=CameraId(sent.camera_id),
            captured_at=captured_at,
            position=ingest.Position(place.latitude, place.longitude) if place else None,
            heading=sent.heading,
            lane=sent.lane,
        ),
        plate=sent.plate,
        confidence=sent.confidence,
        state=sent.state,
        candidates=tuple([recognition.Candidate(other.plate, other.confidence) for other in sent.candidates]),
        box=recognition.Box(box.x, box.y, box.width, box.height) if box else None,
        model=recognition.Model(model.name, model.version, model.checksum) if model else None,
        pass_id=sent.pass_id,
        preview=sent.preview,
    )


@lru_cache(maxsize=4096)
def _one_line(text: str) -> bool:
    return text.isprintable() and text == text.strip()
