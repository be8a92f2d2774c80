"""The register's tables: devices, and the cameras under them. Nothing is ever deleted; a device is retired.

Beside them for an hour: passes whose reads came in versions.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from platekeeper_common.db import Tx
from platekeeper_common.events.ingest import Camera, Position
from platekeeper_common.ids import AgencyId, DeviceId
from platekeeper_common.schema import Moment
from platekeeper_ingest.domain import Device
from platekeeper_ingest.passes import EdgePass, PassName

metadata = MetaData()

device = Table(
    "device",
    metadata,
    Column("id", String, primary_key=True),
    Column("agency_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("secret_sha256", String, nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("retired_at", Moment),
    Column("version", Integer, nullable=False, server_default="1", comment="counts the changes"),
    Index("device_agency", "agency_id"),
)
camera = Table(
    "camera",
    metadata,
    Column("id", String, primary_key=True),
    Column("device_id", String, ForeignKey("device.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="the device's cameras in the order of registration, from 1"),
    Column("agency_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("heading", Float),
    Column("registered_at", Moment, nullable=False),
    UniqueConstraint("device_id", "number"),
)
edge_pass = Table(
    "edge_pass",
    metadata,
    Column("read_id", String, primary_key=True),
    Column("device_id", String, nullable=False),
    Column("camera_id", String, nullable=False),
    Column("pass_id", String, nullable=False),
    Column("counted_at", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("edge_pass_name", "device_id", "camera_id", "pass_id"),
    Index("edge_pass_counted", "counted_at"),
)
PASSES = "passes"
"""The lock of those who number the versions of passes."""
_passes = msgspec.json.Decoder(EdgePass)
# PostgreSQL's construct also compiles for SQLite; the other way round it does not.
_insert = insert(edge_pass)
_KEEP = _insert.on_conflict_do_update(
    index_elements=["read_id"], set_={"counted_at": _insert.excluded.counted_at, "data": _insert.excluded.data}
)


async def passes(tx: Tx, device_id: DeviceId, names: Collection[PassName]) -> list[EdgePass]:
    """The device's passes of these names."""
    columns = edge_pass.c
    of_names = tuple_(columns.camera_id, columns.pass_id).in_(list(names))
    rows = await tx.rows(select(columns.data).where(columns.device_id == device_id, of_names))
    return [_passes.decode(row.data) for row in rows]


async def keep_passes(tx: Tx, changed: Iterable[EdgePass], now: datetime) -> None:
    """Write the passes. Whoever does has the lock PASSES."""
    names = ("read_id", "device_id", "camera_id", "pass_id")
    values = [
        {name: getattr(one, name) for name in names} | {"counted_at": now, "data": msgspec.json.encode(one)}
        for one in changed
    ]
    await tx.write(_KEEP, values)


async def forget_passes(tx: Tx, before: datetime) -> None:
    """Delete the passes to which nothing was counted since then."""
    await tx.write(delete(edge_pass).where(edge_pass.c.counted_at < before))


async def devices(tx: Tx, agency_id: AgencyId | None = None) -> list[Device]:
    """The agency's devices, or those of all, in the order in which they were registered; retired ones too."""
    wanted, theirs = select(device), select(camera)
    if agency_id is not None:
        wanted, theirs = wanted.where(device.c.agency_id == agency_id), theirs.where(camera.c.agency_id == agency_id)
    cameras: dict[str, list[Camera]] = {}
    for row in await tx.rows(theirs.order_by(camera.c.number)):
        cameras.setdefault(row.device_id, []).append(_camera(row))
    return [
        _device(row, cameras.get(row.id, []))
        for row in await tx.rows(wanted.order_by(device.c.registered_at, device.c.id))
    ]


async def find_device(tx: Tx, agency_id: AgencyId, device_id: str) -> Device | None:
    """The agency's device of that id, or None."""
    row = await tx.row(select(device).where(device.c.agency_id == agency_id, device.c.id == device_id))
    if row is None:
        return None
    theirs = select(camera).where(camera.c.device_id == device_id).order_by(camera.c.number)
    return _device(row, [_camera(row) for row in await tx.rows(theirs)])


async def add_device(tx: Tx, new: Device) -> None:
    """A new row for the device, and one for each of its cameras."""
    values = {
        "id": new.id,
        "agency_id": new.agency_id,
        "name": new.name,
        "kind": new.kind,
        "secret_sha256": new.secret_sha256,
        "registered_at": new.registered_at,
    }
    await tx.write(device.insert(), values)
    for number, added in enumerate(new.cameras, start=1):
        await add_camera(tx, new, added, number=number, at=new.registered_at)


async def add_camera(tx: Tx, under: Device, new: Camera, *, number: int, at: datetime) -> None:
    """A new row for the device's camera of that number. Raises IntegrityError when it has one of that number."""
    values = {
        "id": new.id,
        "device_id": under.id,
        "number": number,
        "agency_id": under.agency_id,
        "name": new.name,
        "kind": new.kind,
        "latitude": new.position.latitude if new.position else None,
        "longitude": new.position.longitude if new.position else None,
        "registered_at": at,
    }
    await tx.write(camera.insert(), values)


async def change_camera(tx: Tx, of: Device, changed: Camera) -> None:
    """Keep where the camera stands and looks now."""
    where = changed.position
    values = {
        "latitude": where.latitude if where else None,
        "longitude": where.longitude if where else None,
        "heading": changed.heading,
    }
    await tx.write(update(camera).where(camera.c.id == changed.id).values(**values))
    await set_version(tx, of)


async def set_version(tx: Tx, of: Device) -> None:
    """Keep how many changes the device has seen."""
    await tx.write(update(device).where(device.c.id == of.id).values(version=of.version))


async def retire(tx: Tx, retired: Device) -> None:
    """Keep when the device was retired."""
    await tx.write(
        update(device).where(device.c.id == retired.id).values(retired_at=retired.retired_at, version=retired.version)
    )


def _device(row: Row[Any], cameras: list[Camera]) -> Device:
    return Device(
        id=row.id,
        agency_id=row.agency_id,
        name=row.name,
        kind=row.kind,
        secret_sha256=row.secret_sha256,
        registered_at=row.registered_at,
        cameras=tuple(cameras),
        retired_at=row.retired_at,
        version=row.version,
    )


def _camera(row: Row[Any]) -> Camera:
    position = None if row.latitude is None else Position(row.latitude, row.longitude)
    return Camera(row.id, row.name, row.kind, position, row.heading)
