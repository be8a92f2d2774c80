"""Versions of a read that another maker's recogniser sends while a vehicle passes: previews, then the final one.

A read that names its pass is a version of one read, numbered here in the order in which they come. A preview is worth
telling unless a final one, or a preview that was captured later, has been told; the same read again is the same
version.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from platekeeper_common.ids import AgencyId, CameraId, DeviceId, Ids, ReadId
from platekeeper_ingest.domain import JudgedRead

REACH = timedelta(minutes=10)
"""Between two reads of one pass: a maker that counts its passes anew must not overwrite what is long gone."""
_MOST_TOLD = 100
"""Versions by which a read that comes again is known."""
PassName = tuple[CameraId, str]
"""A camera of the calling device, and what its maker calls the pass."""


class EdgePass(Struct, frozen=True, kw_only=True):
    """What was told of a pass; none of it says the plate."""

    read_id: ReadId
    agency_id: AgencyId
    device_id: DeviceId
    camera_id: CameraId
    pass_id: str
    first_at: datetime
    last_at: datetime
    version: int = 0
    final: bool = False
    told: tuple[str, ...] = ()
    """Keyed digests of its last versions, the last one's last."""


def named(read: JudgedRead) -> PassName | None:
    """Which pass the read says that it is of."""
    return None if read.sent.pass_id is None else (read.sighting.camera_id, read.sent.pass_id)


def find(known: Sequence[EdgePass], read: JudgedRead, name: PassName) -> EdgePass | None:
    """The pass of that name that the read is of: the last one of those that it lies near enough to."""
    at = read.sighting.captured_at
    own = [one for one in known if (one.camera_id, one.pass_id) == name]
    near = [one for one in own if one.first_at - REACH <= at <= one.last_at + REACH]
    return max(near, key=lambda one: one.last_at, default=None)


def begun(ids: Ids, agency_id: AgencyId, device_id: DeviceId, name: PassName, at: datetime) -> EdgePass:
    """A pass that begins with a read captured at `at`, which makes its read's id."""
    camera_id, pass_id = name
    return EdgePass(
        read_id=ReadId(ids.derive("read of pass", device_id, camera_id, pass_id, at)),
        agency_id=agency_id,
        device_id=device_id,
        camera_id=camera_id,
        pass_id=pass_id,
        first_at=at,
        last_at=at,
    )


def counted(one: EdgePass, read: JudgedRead, ids: Ids) -> tuple[EdgePass, int | None]:
    """The pass with this read of it, and which version that is; None when it is superseded already."""
    at, preview, digest = read.sighting.captured_at, read.sent.preview, _digest(read, ids)
    if digest in one.told:
        return one, one.version if digest == one.told[-1] else None
    if preview and (one.final or at < one.last_at):
        return one, None
    version = one.version + 1
    first_at, last_at = min(one.first_at, at), max(one.last_at, at)
    final, told = one.final or not preview, (*one.told, digest)[-_MOST_TOLD:]
    return replace(one, first_at=first_at, last_at=last_at, version=version, final=final, told=told), version


def _digest(read: JudgedRead, ids: Ids) -> str:
    sent = read.sent
    said = (read.plate, repr(sent.confidence), str(sent.preview), read.crop.sha256 if read.crop else "")
    return ids.derive("version", sent.device_read_id, read.sighting.captured_at, *said)
