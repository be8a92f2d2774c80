"""Ingest's rules: which device may send, and what of a frame or read can be taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Literal

from msgspec import Struct, structs

from platekeeper_common import plates
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Invalid, NotFound, PlatekeeperError, Refused, Unauthenticated
from platekeeper_common.events.ingest import Camera, DeviceChanged, ImageReference, Position
from platekeeper_common.events.recognition import Box, Candidate, Model, PlateRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, FrameId, Ids, ReadId
from platekeeper_ingest.pictures import Picture

CameraKind = Literal["fixed", "mobile"]
DeviceKind = Literal["gateway", "patrol_car", "camera"]
MOST_CANDIDATES = 10
_confidence = attrgetter("confidence")
UNKNOWN_MODEL = Model("edge", "unknown")
"""The recogniser of an edge read whose device did not say which it is (J1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A row of the register: who holds the secret, and the cameras it sends for (clause B1)."""

    id: DeviceId
    agency_id: AgencyId
    name: str
    kind: DeviceKind
    secret_sha256: str
    registered_at: datetime
    cameras: tuple[Camera, ...] = ()
    retired_at: datetime | None = None
    version: int = 1

    def with_camera(self, camera: Camera) -> "Device":
        """The device with one camera more."""
        return replace(self, cameras=(*self.cameras, camera), version=self.version + 1)

    def camera(self, camera_id: str) -> Camera:
        """Its camera of that id. Raises NotFound `camera_not_found`, Conflict `device_retired` (B1)."""
        demand_in_service(self)
        found = next((camera for camera in self.cameras if camera.id == camera_id), None)
        if found is None:
            raise NotFound("the device has no such camera", code="camera_not_found")
        return found

    def with_changed(self, changed: Camera) -> "Device":
        """The device with the camera of that id as it is now."""
        cameras = tuple(changed if camera.id == changed.id else camera for camera in self.cameras)
        return replace(self, cameras=cameras, version=self.version + 1)

    def retired(self, *, at: datetime) -> "Device":
        """The device, retired at its first retirement."""
        return self if self.retired_at else replace(self, retired_at=at, version=self.version + 1)

    def changed(self) -> DeviceChanged:
        """The register's whole word on it."""
        return DeviceChanged(
            agency_id=self.agency_id,
            device_id=self.id,
            name=self.name,
            kind=self.kind,
            secret_sha256=self.secret_sha256,
            cameras=self.cameras,
            retired=self.retired_at is not None,
            version=self.version,
        )


class Sighting(Struct, frozen=True, kw_only=True, gc=False):
    """What a frame and a read have in common: which camera, when, where, which way."""

    camera_id: CameraId
    captured_at: datetime
    position: Position | None = None
    heading: float | None = None
    lane: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFrame:
    """A frame as a device sent it."""

    device_frame_id: str
    sighting: Sighting
    image: bytes


class SentRead(Struct, frozen=True, kw_only=True, gc=False):
    """A read as a recogniser in the camera made it, its plate and candidates as it wrote them."""

    device_read_id: str
    sighting: Sighting
    plate: str
    confidence: float
    state: str | None = None
    candidates: tuple[Candidate, ...] = ()
    box: Box | None = None
    model: Model | None = None
    crop: bytes | None = None
    pass_id: str | None = None
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of a call that is no read at all."""

    device_read_id: str | None
    error: PlatekeeperError


class ReadResult(Struct, frozen=True, gc=False):
    """What became of one read of a call: its id, or the code and detail of its refusal."""

    device_read_id: str | None
    id: ReadId | None = None
    code: str | None = None
    detail: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether it is kept."""
        return self.id is not None

    @classmethod
    def refused(cls, device_read_id: str | None, error: PlatekeeperError) -> "ReadResult":
        """Nothing of it is kept."""
        return cls(device_read_id, code=error.code, detail=error.detail)

    def as_json(self) -> dict[str, Any]:
        """As the device is told; what it does not have is left out."""
        told = {"read_id": self.device_read_id, "id": self.id, "code": self.code, "detail": self.detail}
        return {name: value for name, value in told.items() if value is not None} | {"accepted": self.accepted}


class JudgedRead(Struct, frozen=True, kw_only=True, gc=False):
    """A read that can be taken."""

    id: ReadId
    sent: SentRead
    sighting: Sighting
    plate: str
    candidates: tuple[Candidate, ...]
    crop: Picture | None
    kept_crop: ImageReference | None = None
    version: int = 1

    @property
    def result(self) -> ReadResult:
        """What the device is told."""
        return ReadResult(self.sent.device_read_id, self.id)


def registered(devices: Mapping[str, DeviceChanged], who: Caller) -> DeviceChanged:
    """The calling device. Raises Unauthenticated `device_unknown` for one not registered, or retired (B1)."""
    device = devices.get(who.subject)
    if device is None or device.retired or device.agency_id != who.agency_id:
        raise Unauthenticated("no such device is registered, or it is retired", code="device_unknown", clause="B1")
    return device


def latest(known: DeviceChanged | None, said: DeviceChanged) -> DeviceChanged:
    """The later of two words on one device, whichever way round they came; retirement is final."""
    if known is None:
        return said
    return max(known, said, key=lambda word: (word.retired, word.version, len(word.cameras)))


def new_camera(camera_id: CameraId, name: str, kind: CameraKind, position: Position | None) -> Camera:
    """A camera for the register. Raises Invalid when a fixed one stands nowhere, or a mobile one stands still."""
    if kind == "fixed" and position is None:
        raise Invalid(f"the fixed camera {name!r} needs the position where it stands", code="position_missing")
    if kind == "mobile" and position is not None:
        raise Invalid(f"the mobile camera {name!r} says its position with each frame", code="position_not_fixed")
    return Camera(camera_id, name, kind, position)


def moved(camera: Camera, position: Position) -> Camera:
    """The camera at its new place; its heading is known no longer. Raises Invalid `position_not_fixed`."""
    if camera.kind == "mobile":
        raise Invalid("a mobile camera says its position with each frame", code="position_not_fixed")
    return structs.replace(camera, position=position, heading=None)


def calibrated(camera: Camera, heading: float) -> Camera:
    """The camera with the heading that was found. Raises Invalid `heading_not_fixed`."""
    if camera.kind == "mobile":
        raise Invalid("a mobile camera says its heading with each frame", code="heading_not_fixed")
    return structs.replace(camera, heading=heading)


def demand_in_service(device: Device) -> None:
    """Raise Conflict `device_retired` (B1)."""
    if device.retired_at is not None:
        raise Conflict("the device is retired; register a new one", code="device_retired", clause="B1")


def check_cameras(kind: DeviceKind, count: int) -> None:
    """Raises Conflict when a device that is a single camera would get a second."""
    if kind == "camera" and count > 1:
        raise Conflict("a device of kind camera is one camera; a gateway can have several", code="camera_is_single")


def judge(sent: Sighting, cameras: Mapping[str, Camera], *, now: datetime, max_future: timedelta) -> Sighting:
    """The sighting in UTC, at the place where the fixed camera stands and the way it looks unless others were sent.

    However late it comes it is taken (E2). Raises Refused `camera_not_yours` (B1), Invalid `captured_in_future`, and
    Invalid `position_missing` for a mobile camera that did not say where it was.
    """
    if (camera := cameras.get(sent.camera_id)) is None:
        raise Refused("the camera is not registered under this device", code="camera_not_yours", clause="B1")
    if sent.captured_at > now + max_future:
        ahead = f"more than {max_future.total_seconds() / 60:g} minutes in the future"
        raise Invalid(f"captured_at is {ahead}; set the camera's clock", code="captured_in_future")
    if camera.kind == "mobile" and sent.position is None:
        raise Invalid("what a mobile camera sends needs its position", code="position_missing")
    captured_at = sent.captured_at.astimezone(UTC)
    heading = camera.heading if sent.heading is None else sent.heading
    return structs.replace(sent, captured_at=captured_at, position=sent.position or camera.position, heading=heading)


def frame_id(ids: Ids, sighting: Sighting, device_frame_id: str, sha256: str) -> FrameId:
    """The same for the same frame sent again; another for a camera that began to count anew."""
    return FrameId(ids.derive("frame", sighting.camera_id, device_frame_id, sighting.captured_at, sha256))


def read_id(ids: Ids, device_id: DeviceId, device_read_id: str, captured_at: datetime) -> ReadId:
    """The same for the same read sent again; never made from its plate."""
    return ReadId(ids.derive("read", device_id, device_read_id, captured_at))


def demand_pass(sent: SentRead) -> None:
    """Raise Invalid `pass_missing` for a preview that no final read could supersede."""
    if sent.preview and sent.pass_id is None:
        raise Invalid(
            "a preview must name its pass (pass_id), so that the final read supersedes it", code="pass_missing"
        )


def edge_read(
    judged: JudgedRead,
    device: DeviceChanged,
    *,
    received_at: datetime,
    live_until: datetime,
) -> PlateRead:
    """The read as a fact."""
    sent, sighting = judged.sent, judged.sighting
    return PlateRead(
        id=judged.id,
        agency_id=device.agency_id,
        camera_id=sighting.camera_id,
        device_id=device.device_id,
        plate=judged.plate,
        confidence=sent.confidence,
        captured_at=sighting.captured_at,
        received_at=received_at,
        live_until=live_until,
        source="edge",
        model=sent.model or UNKNOWN_MODEL,
        version=judged.version,
        pass_id=sent.pass_id,
        preview=sent.preview,
        state=sent.state,
        candidates=judged.candidates,
        box=sent.box,
        position=sighting.position,
        heading=sighting.heading,
        lane=sighting.lane,
        crop=judged.kept_crop,
    )


def by_id(cameras: Iterable[Camera]) -> dict[str, Camera]:
    """Cameras by their id."""
    return {camera.id: camera for camera in cameras}


def candidates(plate: str, confidence: float, others: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The plate itself first, then what else it may be, most likely first, none twice, up to ten.

    `plate` is normalised, the others are as they were sent. Raises Invalid `plate_invalid`.
    """
    ranked = {plate: Candidate(plate, confidence)}
    for other in sorted(others, key=_confidence, reverse=True):
        written = plates.normalise(other.plate)
        if written not in ranked:
            ranked[written] = other if written == other.plate else Candidate(written, other.confidence)
    return tuple(ranked.values())[:MOST_CANDIDATES]
