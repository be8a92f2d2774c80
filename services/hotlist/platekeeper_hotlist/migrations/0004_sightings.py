"""Sightings, counted to the hits that they belong to; what was raised before is its own first sighting."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "hotlist_0004"
down_revision = "hotlist_0003"
branch_labels = None
depends_on = None

AT_ONCE = 500
PLACE: dict[str, sa.types.TypeEngine[Any]] = {"last_latitude": sa.Float(), "last_longitude": sa.Float()}
NEW: dict[str, sa.types.TypeEngine[Any]] = {
    "vehicle": sa.String(),
    "sightings": sa.Integer(),
    "first_seen_at": Moment(),
    "last_seen_at": Moment(),
    "last_camera_id": sa.String(),
    "last_live_at": Moment(),
    "live_until": Moment(),
    "told_late": sa.Boolean(),
}
_hit = sa.table(
    "hit",
    *(sa.column(name, sa.String()) for name in ("id", "agency_id", "read_id", "entry_id", "kind")),
    sa.column("score", sa.Float()),
    sa.column("late", sa.Boolean()),
    sa.column("raised_at", Moment()),
    sa.column("data", sa.LargeBinary()),
    *(sa.column(name, kind) for name, kind in (*NEW.items(), *PLACE.items())),
)
_NUMBERS = (
    sa.update(_hit)
    .where(_hit.c.id == sa.bindparam("of_hit"))
    .values({_hit.c[name]: sa.bindparam(f"new_{name}") for name in (*NEW, *PLACE)})
)
_sighting = sa.table(
    "sighting",
    *(sa.column(name, sa.String()) for name in ("read_id", "entry_id", "hit_id", "agency_id", "plate", "kind")),
    sa.column("score", sa.Float()),
    sa.column("late", sa.Boolean()),
    sa.column("camera_id", sa.String()),
    *(sa.column(name, Moment()) for name in ("captured_at", "received_at", "counted_at")),
    *(sa.column(name, sa.Float()) for name in ("latitude", "longitude")),
)


def upgrade() -> None:
    for name, kind in (*NEW.items(), *PLACE.items()):
        op.add_column("hit", sa.Column(name, kind))
    for hits in _kept():
        op.get_bind().execute(_NUMBERS, [_as_one_sighting(hit) for hit in hits])
    op.drop_index("hit_kind", "hit")
    # Before there are sightings: SQLite makes the table anew, and what refers to it would stand in the way.
    with op.batch_alter_table("hit") as hit_table:
        for name, kind in NEW.items():
            hit_table.alter_column(name, existing_type=kind, nullable=False)
    op.create_index("hit_kind", "hit", ["kind", "late", "sightings"])
    op.create_index("hit_vehicle", "hit", ["entry_id", "vehicle", "last_seen_at"])
    _create_sighting()
    for hits in _kept():
        op.bulk_insert(_sighting, [_sighting_of(hit) for hit in hits])


def _create_sighting() -> None:
    op.create_table(
        "sighting",
        sa.Column("read_id", sa.String, primary_key=True),
        sa.Column("entry_id", sa.String, primary_key=True),
        sa.Column("hit_id", sa.String, sa.ForeignKey("hit.id"), nullable=False),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("plate", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("camera_id", sa.String, nullable=False),
        sa.Column("captured_at", Moment, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("counted_at", Moment, nullable=False),
    )
    op.create_index("sighting_hit", "sighting", ["hit_id", "captured_at", "read_id"])


def _kept() -> Iterator[list[sa.Row[Any]]]:
    """The hits raised so far, some at a time."""
    last = ""
    while hits := list(
        op.get_bind().execute(sa.select(_hit).where(_hit.c.id > last).order_by(_hit.c.id).limit(AT_ONCE))
    ):
        yield hits
        last = hits[-1].id


def _as_one_sighting(hit: sa.Row[Any]) -> dict[str, Any]:
    raised = json.loads(hit.data)
    read = raised["read"]
    captured_at, (latitude, longitude) = _moment(read["captured_at"]), _place(read)
    return {
        "of_hit": hit.id,
        "new_vehicle": raised["entry"]["plate"],
        "new_sightings": 1,
        "new_first_seen_at": captured_at,
        "new_last_seen_at": captured_at,
        "new_last_camera_id": read["camera_id"],
        "new_last_latitude": latitude,
        "new_last_longitude": longitude,
        "new_last_live_at": captured_at,
        "new_live_until": _moment(read["live_until"]),
        "new_told_late": hit.late,
    }


def _sighting_of(hit: sa.Row[Any]) -> dict[str, Any]:
    read = json.loads(hit.data)["read"]
    latitude, longitude = _place(read)
    return {
        "read_id": hit.read_id,
        "entry_id": hit.entry_id,
        "hit_id": hit.id,
        "agency_id": hit.agency_id,
        "plate": read["plate"],
        "kind": hit.kind,
        "score": hit.score,
        "late": hit.late,
        "camera_id": read["camera_id"],
        "captured_at": _moment(read["captured_at"]),
        "received_at": _moment(read["received_at"]),
        "latitude": latitude,
        "longitude": longitude,
        "counted_at": hit.raised_at,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _place(read: dict[str, Any]) -> tuple[float | None, float | None]:
    position = read.get("position") or {}
    return position.get("latitude"), position.get("longitude")


def downgrade() -> None:
    op.drop_table("sighting")
    for index in ("hit_kind", "hit_vehicle"):
        op.drop_index(index, "hit")
    with op.batch_alter_table("hit") as hit_table:
        for name in (*NEW, *PLACE):
            hit_table.drop_column(name)
    op.create_index("hit_kind", "hit", ["kind", "late"])
