"""Facts about plates that were read, by our own recognition or by a recogniser in the camera."""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from platekeeper_common.events.envelope import Event, Topic
from platekeeper_common.events.ingest import ImageReference, Position
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, FrameId, ReadId

# Reads come by the thousand and nothing in them can refer back to them: the garbage collector need not look (gc=False).
MAX_READS = 500
"""How many reads of one camera one event may carry."""


class Model(Struct, frozen=True, gc=False):
    """Which recogniser said so (clause J1)."""

    name: str
    version: str
    checksum: str = ""
    """SHA-256 (hex) over the model files; empty when an edge recogniser did not say."""


class Candidate(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the plate may also be."""

    plate: str
    confidence: float
    votes: int | None = None
    """Frames of the pass that took it for the most likely; None when nobody counted."""


class Box(Struct, frozen=True, gc=False):
    """Pixels of the frame from the top left."""

    x: int
    y: int
    width: int
    height: int


class PlateRead(Struct, frozen=True, kw_only=True, gc=False):
    """A camera saw a plate. A better frame of the same pass is a new version of it; corrections stand beside."""

    id: ReadId
    agency_id: AgencyId
    camera_id: CameraId
    device_id: DeviceId
    plate: str
    """Normalised: A-Z 0-9 only."""
    confidence: float
    """0..1"""
    captured_at: datetime
    """Aware UTC, the camera's word."""
    received_at: datetime
    """Aware UTC, ours: retention counts from here (F1)."""
    live_until: datetime
    """A hit on this read is a live alert until then; afterwards it is late (E2)."""
    source: Literal["recognition", "edge"]
    model: Model
    version: int = 1
    pass_id: str | None = None
    """What the maker of an edge recogniser calls the pass; our own passes go by the id of the read."""
    frames: int | None = None
    """Frames of the pass whose votes this version holds; None when nobody counted."""
    preview: bool = False
    """Its recogniser is still looking: a final version may follow."""
    frame_id: FrameId | None = None
    state: str | None = None
    """Postal code of the issuing state, when the recogniser knows it, or guesses it: see `region_confidence`."""
    candidates: tuple[Candidate, ...] = ()
    """Up to ten, most likely first; the first is the plate itself."""
    box: Box | None = None
    position: Position | None = None
    heading: float | None = None
    lane: str | None = None
    image: ImageReference | None = None
    crop: ImageReference | None = None
    country: str | None = None
    """ISO 3166 alpha-2, when the recogniser guesses it."""
    crop_box: Box | None = None
    """What of the frame the crop shows; None when nobody said, or there is no crop."""
    region_confidence: float | None = None
    """0..1: how sure the guess of `state` is, or of `country` when there is no state. None: a state is no guess."""

    @property
    def stated(self) -> str | None:
        """The state, when it was stated and not guessed: a guess must never keep an entry from matching."""
        return self.state if self.region_confidence is None else None

    @property
    def late(self) -> bool:
        """Whether it was already too old for a live alert when we received it (E2)."""
        return self.received_at > self.live_until


class PlatesRead(Event, frozen=True, kw_only=True):
    """Up to 500 reads of one camera."""

    type: ClassVar[str] = "plates.read.v1"
    topic: ClassVar[Topic] = Topic("plates.read", partitions=12)
    camera_id: CameraId
    reads: tuple[PlateRead, ...]

    @property
    def key(self) -> str:
        """One camera's reads stay in order."""
        return self.camera_id
