"""Facts about what devices sent, and the register of devices."""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.ids import CameraId, DeviceId, FrameId


class Position(Struct, frozen=True, gc=False):
    """WGS 84, degrees."""

    latitude: float
    longitude: float


class ImageReference(Struct, frozen=True, gc=False):
    """A claim check: where the encrypted picture lies in the object store, and the SHA-256 (hex) of its plain bytes."""

    path: str
    sha256: str
    media_type: str


class FrameCaptured(Event, frozen=True, kw_only=True):
    """A camera took a picture and ingest keeps it."""

    type: ClassVar[str] = "frame.captured.v1"
    topic: ClassVar[Topic] = Topic("frame.captured", partitions=24)
    id: FrameId
    device_id: DeviceId
    camera_id: CameraId
    device_frame_id: str
    captured_at: datetime
    """Aware UTC, the camera's word."""
    received_at: datetime
    """Aware UTC, ours: retention counts from here (F1)."""
    live_until: datetime
    """A hit on this frame is a live alert until then; afterwards it is late (E2)."""
    image: ImageReference
    position: Position | None = None
    heading: float | None = None
    """Degrees clockwise from true north, 0 <= heading < 360."""
    lane: str | None = None

    @property
    def key(self) -> str:
        """One camera's frames stay in order."""
        return self.camera_id


class Camera(Struct, frozen=True):
    """A camera under a device."""

    id: CameraId
    name: str
    kind: Literal["fixed", "mobile"]
    position: Position | None = None
    """Where a fixed camera stands; a mobile one says it with each frame."""
    heading: float | None = None
    """Which way a fixed camera was found to look when it was last calibrated: degrees clockwise from true north."""


class DeviceChanged(Event, frozen=True, kw_only=True):
    """The register's whole word on one device and its cameras (clause B1)."""

    type: ClassVar[str] = "device.changed.v1"
    topic: ClassVar[Topic] = Topic("device.changed", compacted=True)
    device_id: DeviceId
    name: str
    kind: Literal["gateway", "patrol_car", "camera"]
    secret_sha256: str
    """Hex. The secret is 256 random bits, so its digest cannot be reversed."""
    cameras: tuple[Camera, ...] = ()
    retired: bool = False
    version: int = 1
    """Counts the changes of the device and its cameras: of two words the higher is the later."""

    @property
    def key(self) -> str:
        """The last word on each device stays."""
        return self.device_id
