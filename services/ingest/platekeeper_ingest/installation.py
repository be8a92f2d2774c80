"""Installing and retiring equipment: the handlers of the register (clause B1)."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.events.ingest import Camera, Position
from platekeeper_common.ids import DeviceId
from platekeeper_ingest import domain, storage
from platekeeper_ingest.domain import Device, DeviceKind
from platekeeper_ingest.room import IngestRoom

SECRET_BYTES = 32
"""256 random bits."""


async def register_device(
    tx: Tx, here: IngestRoom, who: Caller, place: Place, *, name: str, kind: DeviceKind, cameras: Sequence[Camera]
) -> tuple[Device, str]:
    """A new device of the caller's agency, and its secret, of which only the SHA-256 (of its UTF-8) is kept.

    Raises Conflict `camera_is_single`.
    """
    domain.check_cameras(kind, len(cameras))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    device = Device(
        id=DeviceId(ids.new()),
        agency_id=who.agency_id,
        name=name,
        kind=kind,
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        registered_at=here.clock(),
        cameras=tuple(cameras),
    )
    await storage.add_device(tx, device)
    await _changed(tx, here, who, place, Action.DEVICE_REGISTER, before=None, after=device)
    return device, secret


async def add_camera(tx: Tx, here: IngestRoom, who: Caller, place: Place, *, device_id: str, camera: Camera) -> None:
    """One camera more under the device. Raises NotFound, Conflict `device_retired` or `camera_is_single`."""
    before = await _owned(tx, who, device_id)
    domain.demand_in_service(before)
    after = before.with_camera(camera)
    domain.check_cameras(after.kind, len(after.cameras))
    await storage.add_camera(tx, after, camera, number=len(after.cameras), at=here.clock())
    await storage.set_version(tx, after)
    await _changed(tx, here, who, place, Action.DEVICE_REGISTER, before=before, after=after)


async def move_camera(
    tx: Tx, here: IngestRoom, who: Caller, place: Place, *, device_id: str, camera_id: str, position: Position
) -> Camera:
    """The fixed camera stands elsewhere from now on, not calibrated yet. Raises NotFound, Conflict, Invalid."""
    before = await _owned(tx, who, device_id)
    after = domain.moved(before.camera(camera_id), position)
    await _change_camera(tx, here, who, place, Action.DEVICE_MOVE, before, after)
    return after


async def calibrate_camera(
    tx: Tx, here: IngestRoom, who: Caller, place: Place, *, device_id: str, camera_id: str, heading: float
) -> Camera:
    """Which way the fixed camera was found to look. Raises NotFound, Conflict, Invalid."""
    before = await _owned(tx, who, device_id)
    after = domain.calibrated(before.camera(camera_id), heading)
    await _change_camera(tx, here, who, place, Action.DEVICE_CALIBRATE, before, after)
    return after


async def retire_device(tx: Tx, here: IngestRoom, who: Caller, place: Place, *, device_id: str) -> Device:
    """The device, from which nothing is taken any more; retiring it twice keeps the first moment. Raises NotFound."""
    before = await _owned(tx, who, device_id)
    after = before.retired(at=here.clock())
    await storage.retire(tx, after)
    await _changed(tx, here, who, place, Action.DEVICE_RETIRE, before=before, after=after)
    return after


async def list_devices(tx: Tx, here: IngestRoom, who: Caller, place: Place) -> list[Device]:
    """The register of the caller's agency, retired devices too."""
    devices = await storage.devices(tx, who.agency_id)
    tx.emit(here.recorder.administration(who, Action.DEVICE_VIEW, "device_register", who.agency_id, place))
    return devices


async def _owned(tx: Tx, who: Caller, device_id: str) -> Device:
    await tx.lock()
    device = await storage.find_device(tx, who.agency_id, device_id)
    if device is None:
        raise NotFound("your agency has no such device", code="device_not_found")
    return device


async def _change_camera(
    tx: Tx, here: IngestRoom, who: Caller, place: Place, action: Action, before: Device, changed: Camera
) -> None:
    after = before.with_changed(changed)
    await storage.change_camera(tx, after, changed)
    await _changed(tx, here, who, place, action, before=before, after=after)


async def _changed(
    tx: Tx, here: IngestRoom, who: Caller, place: Place, action: Action, *, before: Device | None, after: Device
) -> None:
    """Record before and after, tell the others, and let our own register know once it is committed."""
    written = {"before": before and _written(before), "after": _written(after)}
    word = after.changed()

    async def know() -> None:
        here.register.take(word)

    tx.emit(await here.recorder.change(who, action, "device", after.id, place, written), word)
    tx.after_commit(know)


def _written(device: Device) -> dict[str, Any]:
    """The device as the access record tells it: never a word of its secret."""
    cameras = [
        {
            "id": camera.id,
            "name": camera.name,
            "kind": camera.kind,
            "position": camera.position and [camera.position.latitude, camera.position.longitude],
            "heading": camera.heading,
        }
        for camera in device.cameras
    ]
    retired_at = device.retired_at and device.retired_at.isoformat()
    return {"name": device.name, "kind": device.kind, "cameras": cameras, "retired_at": retired_at}
