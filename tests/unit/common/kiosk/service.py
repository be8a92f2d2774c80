"""A small service for the tests of the common library: it keeps notes, and fails in every way when told to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, MetaData, String, Table, insert, select

from platekeeper_common import edge
from platekeeper_common.access import Recorder, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Handler, Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Database
from platekeeper_common.edge import CurrentPlace, Tx, may
from platekeeper_common.errors import Busy, Conflict, NotFound, Refused
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.service import Consumes, Foundation, Grant, Room, Service
from platekeeper_common.settings import ServiceSettings

note = Table("note", MetaData(), Column("text", String, primary_key=True))
USE = Use(purpose="stolen_vehicle", matter_type="patrol")
FAULTS: dict[str, Exception] = {
    "refused": Refused("not this one", code="purpose_not_allowed", clause="A2"),
    "missing": NotFound("no such note"),
    "taken": Conflict("there is one", code="note_taken", holder="somebody"),
    "busy": Busy("full", code="backlog_full", headers={"Retry-After": "7"}),
    "away": Unavailable("object store"),
    "broken": RuntimeError("a secret 7KXQ042"),
}


@dataclass(kw_only=True)
class Kiosk(Room):
    """`heard`: the access records that reached the bus."""

    heard: list[AccessRecorded] = field(default_factory=list)


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=10)
    fault: str | None = None


Here = Annotated[Kiosk, Depends(edge.room)]
router = APIRouter(prefix="/v1/kiosk")


@router.get("/open")
async def greet() -> dict[str, str]:
    return {"hello": "stranger"}


@router.post("/notes", status_code=201)
async def write(
    body: Note, who: Annotated[Caller, may(Action.SEARCH)], tx: Tx, here: Here, place: CurrentPlace
) -> dict[str, str]:
    await tx.write(insert(note).values(text=body.text))
    if body.fault in FAULTS:
        raise FAULTS[body.fault]
    if body.fault != "silent":
        tx.emit(await here.recorder.plate_data(who, Action.SEARCH, USE, {"text": body.text}, Result(count=1), place))
    return {"text": body.text}


@router.get("/notes")
async def read(who: Annotated[Caller, may(Action.DEVICE_VIEW)], tx: Tx, here: Here, place: CurrentPlace) -> list[str]:
    tx.emit(here.recorder.administration(who, Action.DEVICE_VIEW, "notes", "all", place))
    return [row.text for row in await tx.rows(select(note))]


@router.post("/frames", status_code=202)
async def post(body: Note, _who: Annotated[Caller, may(Action.FRAME_POST)], tx: Tx) -> dict[str, Any]:
    await tx.write(insert(note).values(text=body.text))
    return {}


def hear(room: Kiosk) -> Handler:
    async def keep(events: Sequence[Event]) -> None:
        room.heard.extend(event for event in events if isinstance(event, AccessRecorded))

    return keep


@asynccontextmanager
async def open_room(foundation: Foundation, _settings: ServiceSettings) -> AsyncIterator[Kiosk]:
    async with Database.open(foundation.settings.database_of("kiosk"), foundation.clock) as db:
        recorder = Recorder("kiosk", foundation.keys, foundation.policies, foundation.clock)
        yield Kiosk(foundation=foundation, db=db, recorder=recorder)


KIOSK = Service(
    name="kiosk",
    summary="Notes.",
    paths=("/v1/kiosk",),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    grants=(Grant("note", "SELECT, INSERT"),),
    routes=(router,),
    consumes=(Consumes("kiosk", (AccessRecorded.topic,), hear),),
    emits=(AccessRecorded,),
)
