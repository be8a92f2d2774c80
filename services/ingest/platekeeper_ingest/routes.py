"""Ingest's doors: frames and reads from devices, the register from administrators."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may
from platekeeper_ingest import handlers, installation, uploads
from platekeeper_ingest.documents import (
    CalibrationRequest,
    CameraAnswer,
    CameraRequest,
    DeviceAnswer,
    DeviceRequest,
    DevicesAnswer,
    EdgeRead,
    FrameAnswer,
    MoveRequest,
    ReadsAnswer,
    RegisteredAnswer,
    reads_answer,
)
from platekeeper_ingest.room import Here

router = APIRouter()

_CAPTURED = "2026-11-22T10:00:00.120-08:00"
_FRAME_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image", "metadata"],
                    "properties": {
                        "image": {"type": "string", "format": "binary", "description": "one JPEG, PNG or WebP"},
                        "metadata": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "camera_id, frame_id (the device's own), captured_at with its time zone; "
                            "position {latitude, longitude} (always, from a mobile camera), heading, lane",
                            "example": f'{{"camera_id": "...", "frame_id": "000127", "captured_at": "{_CAPTURED}"}}',
                        },
                    },
                }
            }
        },
    }
}
_READ_EXAMPLE = {
    "read_id": "8f2c",
    "camera_id": "...",
    "plate": "8ABC123",
    "confidence": 0.97,
    "captured_at": _CAPTURED,
}
_READ_FIELDS = {"type": "object", "description": f"Fields: {', '.join(EdgeRead.model_fields)}"}
_READS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "items": _READ_FIELDS}, "example": [_READ_EXAMPLE]},
            uploads.NDJSON: {"schema": {"type": "string", "description": "one read a line"}},
        },
    }
}


@router.post("/v1/frames", status_code=202, tags=["frames"], openapi_extra=_FRAME_BODY)
async def post_frame(request: Request, who: Annotated[Caller, may(Action.FRAME_POST)], here: Here) -> FrameAnswer:
    """Keep a frame. 202 means that it is durable; the same frame sent again is answered with the same id."""
    frame = await handlers.take_frame(here, who, partial(uploads.read_frame, request))
    return FrameAnswer(id=frame.id, received_at=frame.received_at, live_until=frame.live_until)


@router.post("/v1/reads", status_code=202, tags=["reads"], openapi_extra=_READS_BODY, response_model=ReadsAnswer)
async def post_reads(request: Request, who: Annotated[Caller, may(Action.READS_POST)], here: Here) -> Response:
    """Keep reads made in the camera, up to 1,000. The call fails as a whole only when none of them is accepted."""
    results = await handlers.take_reads(here, who, partial(uploads.read_reads, request))
    return Response(reads_answer(results), 202, media_type="application/json")


@router.post("/v1/devices", status_code=201, tags=["devices"])
async def register_device(
    body: DeviceRequest,
    who: Annotated[Caller, may(Action.DEVICE_REGISTER)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> RegisteredAnswer:
    """Register a device with its cameras (clause B1). Its secret is in this answer and nowhere else."""
    cameras = [camera.camera() for camera in body.cameras]
    device, secret = await installation.register_device(
        tx, here, who, place, name=body.name, kind=body.kind, cameras=cameras
    )
    return RegisteredAnswer(**DeviceAnswer.of(device).model_dump(), secret=secret)


@router.get("/v1/devices", tags=["devices"])
async def list_devices(
    who: Annotated[Caller, may(Action.DEVICE_VIEW)], tx: Tx, here: Here, place: CurrentPlace
) -> DevicesAnswer:
    """The agency's devices, retired ones too."""
    devices = await installation.list_devices(tx, here, who, place)
    return DevicesAnswer(devices=[DeviceAnswer.of(device) for device in devices])


@router.post("/v1/devices/{device_id}/cameras", status_code=201, tags=["devices"])
async def add_camera(
    device_id: str,
    body: CameraRequest,
    who: Annotated[Caller, may(Action.DEVICE_REGISTER)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> CameraAnswer:
    """Register another camera under a device."""
    camera = body.camera()
    await installation.add_camera(tx, here, who, place, device_id=device_id, camera=camera)
    return CameraAnswer.of(camera)


@router.post("/v1/devices/{device_id}/cameras/{camera_id}/move", tags=["devices"])
async def move_camera(
    device_id: str,
    camera_id: str,
    body: MoveRequest,
    who: Annotated[Caller, may(Action.DEVICE_MOVE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> CameraAnswer:
    """A fixed camera stands elsewhere from now on (B1)."""
    return CameraAnswer.of(
        await installation.move_camera(
            tx, here, who, place, device_id=device_id, camera_id=camera_id, position=body.position.value()
        )
    )


@router.post("/v1/devices/{device_id}/cameras/{camera_id}/calibrate", tags=["devices"])
async def calibrate_camera(
    device_id: str,
    camera_id: str,
    body: CalibrationRequest,
    who: Annotated[Caller, may(Action.DEVICE_CALIBRATE)],
    tx: Tx,
    here: Here,
    place: CurrentPlace,
) -> CameraAnswer:
    """Which way a fixed camera was found to look; its reads that say no heading of their own get it (B1)."""
    return CameraAnswer.of(
        await installation.calibrate_camera(
            tx, here, who, place, device_id=device_id, camera_id=camera_id, heading=body.heading
        )
    )


@router.post("/v1/devices/{device_id}/retire", tags=["devices"])
async def retire_device(
    device_id: str, who: Annotated[Caller, may(Action.DEVICE_RETIRE)], tx: Tx, here: Here, place: CurrentPlace
) -> DeviceAnswer:
    """Retire a device for good: nothing is taken from it any more."""
    return DeviceAnswer.of(await installation.retire_device(tx, here, who, place, device_id=device_id))
