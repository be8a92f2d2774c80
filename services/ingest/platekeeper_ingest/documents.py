"""What devices and administrators send and are answered, as JSON."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from platekeeper_common import ids
from platekeeper_common.events import ingest, recognition
from platekeeper_common.ids import CameraId
from platekeeper_ingest import domain
from platekeeper_ingest.domain import CameraKind, Device, DeviceKind, SentFrame, SentRead, Sighting

MOST_LISTED_CANDIDATES = 20
"""Candidates that a device may list for one read."""
MOST_CAMERAS = 500
"""Cameras that one device can be registered with."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Document(BaseModel):
    """Sent as JSON: no unknown fields, no guessing of types, no numbers that are not numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """Answered as JSON."""

    model_config = ConfigDict(frozen=True)


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of printable characters without spaces around it")
    return text


def _since_1970(moment: datetime) -> datetime:
    if moment < EPOCH:
        raise ValueError("must not lie before 1970")
    return moment


def _from_base64(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("must be base64 (RFC 4648, 4)") from error


Name = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_one_line)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_one_line)]
"""An id that another system made."""
CaptureTime = Annotated[AwareDatetime, AfterValidator(_since_1970)]
"""With its time zone (RFC 3339)."""
Lane = Annotated[str, StringConstraints(min_length=1, max_length=32), AfterValidator(_one_line)]
Heading = Annotated[float, Field(ge=0, lt=360, description="degrees clockwise from true north")]
Confidence = Annotated[float, Field(ge=0, le=1)]
Pixel = Annotated[int, Field(ge=0, le=100_000)]
Pixels = Annotated[int, Field(ge=1, le=100_000)]
State = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,3}$")]
Crop = Annotated[bytes, BeforeValidator(_from_base64)]


class Position(Document):
    """WGS 84, degrees."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)

    def value(self) -> ingest.Position:
        """As events carry it."""
        return ingest.Position(self.latitude, self.longitude)


class Seen(Document):
    """Which camera, when, where, which way."""

    camera_id: Reference
    captured_at: CaptureTime
    position: Position | None = None
    heading: Heading | None = None
    lane: Lane | None = None

    def sighting(self) -> Sighting:
        """As the rules take it."""
        return Sighting(
            camera_id=CameraId(self.camera_id),
            captured_at=self.captured_at,
            position=self.position.value() if self.position else None,
            heading=self.heading,
            lane=self.lane,
        )


class FrameMetadata(Seen):
    """The part `metadata` of a frame. `frame_id` is the device's own."""

    frame_id: Reference

    def frame(self, image: bytes) -> SentFrame:
        """The frame with its picture."""
        return SentFrame(device_frame_id=self.frame_id, sighting=self.sighting(), image=image)


class EdgeCandidate(Document):
    """What the plate may also be."""

    plate: str = Field(max_length=64)
    confidence: Confidence


class EdgeBox(Document):
    """Where the plate is, in pixels from the top left."""

    x: Pixel
    y: Pixel
    width: Pixels
    height: Pixels


class EdgeModel(Document):
    """Which recogniser read it."""

    name: Name
    version: Name
    checksum: str = Field(default="", max_length=128)


class EdgeRead(Seen):
    """A read made by a recogniser in the camera. `read_id` is the device's own; `crop` a JPEG, PNG or WebP, base64.

    Reads of one camera that name the same `pass_id` are versions of one read; `preview`: a final one is to follow.
    """

    read_id: Reference
    plate: str = Field(max_length=64)
    confidence: Confidence
    state: State | None = None
    candidates: list[EdgeCandidate] = Field(default=[], max_length=MOST_LISTED_CANDIDATES)
    box: EdgeBox | None = None
    model: EdgeModel | None = None
    crop: Crop | None = None
    pass_id: Reference | None = None
    preview: bool = False

    def read(self) -> SentRead:
        """As the rules take it."""
        return SentRead(
            device_read_id=self.read_id,
            sighting=self.sighting(),
            plate=self.plate,
            confidence=self.confidence,
            state=self.state,
            candidates=tuple(recognition.Candidate(other.plate, other.confidence) for other in self.candidates),
            box=recognition.Box(**self.box.model_dump()) if self.box else None,
            model=recognition.Model(**self.model.model_dump()) if self.model else None,
            crop=self.crop,
            pass_id=self.pass_id,
            preview=self.preview,
        )


class CameraRequest(Document):
    """A camera to be registered: a fixed one with the place where it stands."""

    name: Name
    kind: CameraKind
    position: Position | None = None

    def camera(self) -> ingest.Camera:
        """The camera under a fresh id. Raises Invalid when its position does not fit its kind."""
        position = self.position.value() if self.position else None
        return domain.new_camera(CameraId(ids.new()), self.name, self.kind, position)


class MoveRequest(Document):
    """Where a fixed camera stands from now on."""

    position: Position


class CalibrationRequest(Document):
    """Which way a fixed camera was found to look."""

    heading: Heading


class DeviceRequest(Document):
    """A device to be registered."""

    name: Name
    kind: DeviceKind
    cameras: list[CameraRequest] = Field(default=[], max_length=MOST_CAMERAS)


class CameraAnswer(Answer):
    """A camera of the register."""

    id: str
    name: str
    kind: CameraKind
    position: Position | None
    heading: float | None
    """Degrees clockwise from true north, as found by the last calibration where it stands."""

    @classmethod
    def of(cls, camera: ingest.Camera) -> "CameraAnswer":
        """As the register has it."""
        where = camera.position
        position = where and Position(latitude=where.latitude, longitude=where.longitude)
        return cls(id=camera.id, name=camera.name, kind=camera.kind, position=position, heading=camera.heading)


class DeviceAnswer(Answer):
    """A device of the register."""

    id: str
    name: str
    kind: DeviceKind
    cameras: list[CameraAnswer]
    registered_at: datetime
    retired_at: datetime | None

    @classmethod
    def of(cls, device: Device, **more: str) -> "DeviceAnswer":
        """As the register has it."""
        return cls(
            id=device.id,
            name=device.name,
            kind=device.kind,
            cameras=[CameraAnswer.of(camera) for camera in device.cameras],
            registered_at=device.registered_at,
            retired_at=device.retired_at,
            **more,
        )


class RegisteredAnswer(DeviceAnswer):
    """A new device with its secret, which is shown this once."""

    secret: str


class DevicesAnswer(Answer):
    """The agency's register, in the order of registration."""

    devices: list[DeviceAnswer]


class FrameAnswer(Answer):
    """The frame is kept. A hit on it is a live alert until `live_until`."""

    id: str
    received_at: datetime
    live_until: datetime


class ReadAnswer(Answer):
    """What became of one read: `id` when it is kept, `code` and `detail` when it is not."""

    read_id: str | None = None
    id: str | None = None
    accepted: bool
    code: str | None = None
    detail: str | None = None


class ReadsAnswer(Answer):
    """What became of each read, in the order in which they were sent."""

    accepted: int
    refused: int
    results: list[ReadAnswer]


class _Told(msgspec.Struct, omit_defaults=True, kw_only=True):
    """`ReadAnswer` as it is written."""

    read_id: str | None = None
    id: str | None = None
    accepted: bool
    code: str | None = None
    detail: str | None = None


def reads_answer(results: Sequence[domain.ReadResult]) -> bytes:
    """`ReadsAnswer` as JSON; what a read does not have is left out."""
    told = [
        _Told(read_id=one.device_read_id, id=one.id, accepted=one.accepted, code=one.code, detail=one.detail)
        for one in results
    ]
    accepted = sum(one.accepted for one in results)
    return msgspec.json.encode({"accepted": accepted, "refused": len(told) - accepted, "results": told})
