"""What recognition holds while it runs, and its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import ServiceSettings
from platekeeper_recognition.desk import Desk
from platekeeper_recognition.domain import Expectation
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.plate_formats import REGIONS

NAME = "recognition"


def _one_of(*known: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return name

    return AfterValidator(check)


class RecognitionSettings(ServiceSettings):
    """Settings of recognition."""

    model_config = SettingsConfigDict(env_prefix="PLATEKEEPER_RECOGNITION_", frozen=True, extra="forbid")

    engine: Annotated[str, _one_of(*catalogue.NAMES)] = "ppocr"
    threads: int = Field(default=2, gt=0)
    """Processor cores that the engine may use."""
    batch: int = Field(default=4, gt=0)
    """Frames that are read together; their reads are published together too."""
    longest_side: int = Field(default=960, ge=320, le=4096)
    """Pixels to which a frame is brought down before plates are sought: more finds smaller plates and takes longer."""
    max_pixels: int = Field(default=40_000_000, gt=0)
    """Width times height of a frame."""
    regions: tuple[Annotated[str, _one_of(*REGIONS)], ...] = ("us",)
    """Whose plate formats to expect, as JSON (`["us", "br"]`); plates of other formats are read with more doubt."""
    least_confidence: float = Field(default=0.2, ge=0, le=1)
    """A plate that is less sure is not reported."""


@dataclass(slots=True)
class Tally:
    """What was read since the service started."""

    frames: int = 0
    plates: int = 0
    frames_without_plate: int = 0

    def add(self, more: "Tally") -> None:
        """Count what was read meanwhile."""
        self.frames += more.frames
        self.plates += more.plates
        self.frames_without_plate += more.frames_without_plate


@dataclass(kw_only=True)
class RecognitionRoom(Room):
    """The room of recognition."""

    settings: RecognitionSettings
    desk: Desk
    tally: Tally = field(default_factory=Tally)

    @property
    def expectation(self) -> Expectation:
        """What counts as a plate here."""
        return Expectation(tuple(REGIONS[name] for name in self.settings.regions), self.settings.least_confidence)


@asynccontextmanager
async def open_room(foundation: Foundation, settings: RecognitionSettings) -> AsyncIterator[RecognitionRoom]:
    """Open the database (dead letters) and set up the desk; its engine is loaded by the job, not here."""
    opener = partial(
        catalogue.open_engine, settings.engine, longest_side=settings.longest_side, threads=settings.threads
    )
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        desk = Desk(opener)
        try:
            yield RecognitionRoom(
                foundation=foundation,
                db=db,
                recorder=Recorder(NAME, foundation.keys, foundation.policies, foundation.clock),
                settings=settings,
                desk=desk,
            )
        finally:
            desk.close()
